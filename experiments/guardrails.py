"""Guardrails: is a variant worse than the control by more than a declared margin? Pure.

Passed only when the always-valid interval rules "worse than the margin" out, breached only when it
rules the opposite out. A relative margin is a linear contrast of the means: b - (1 + m) a.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from core.formats import percent
from experiments.comparing import ArmSums, Rule, mean_of
from experiments.metrics import Metric
from experiments.results import GuardrailResult, VerdictResult
from experiments.stats.differences import Difference
from experiments.stats.moments import Moments, moments_of
from experiments.stats.outcomes import Status
from experiments.stats.proportions import is_at_edge, padded_moments
from experiments.stats.sequential import estimate_always_valid
from experiments.stats.sums import ProportionSums
from experiments.wording import plain_amount, unit_word

State = Literal["safe", "breached", "unsure"]


# What is seen may lie within a limit that the interval does not keep to yet.
BESIDE_LIMIT = {
    "breached": "past the limit of",
    "safe": "within the limit of",
    "unsure": "not shown to keep to the limit of",
}


@dataclass(frozen=True, slots=True)
class Margin:
    """How much worse a metric may get: a share of the control's mean, or in its own unit."""

    amount: float
    is_relative: bool


def judge_guardrail(
    metric: Metric, margin: Margin, control: ArmSums, arm: ArmSums, *, rule: Rule
) -> State:
    if min(control.n, arm.n) < metric.floor:
        return "unsure"
    excess = excess_over(metric, margin, _moments(control), _moments(arm))
    found = estimate_always_valid(excess, tuning_units=rule.tuning_units, alpha=rule.alpha)
    if found.interval is None:
        return "unsure"
    if found.interval.high < 0:
        return "safe"
    return "breached" if found.interval.low > 0 else "unsure"


def excess_over(metric: Metric, margin: Margin, a: Moments | None, b: Moments | None) -> Difference:
    """By how much b is worse than a beyond the margin, with its standard error."""
    if a is None or b is None:
        return Difference(status=Status.NO_UNITS)
    if min(a.n, b.n) < 2:
        return Difference(status=Status.TOO_FEW)
    factor = 1 - metric.sign * margin.amount if margin.is_relative else 1.0
    value = metric.sign * (factor * a.mean - b.mean)
    if not margin.is_relative:
        value -= margin.amount
    squared = factor**2 * a.squared_error + b.squared_error
    if squared <= 0:
        return Difference(status=Status.ZERO_VARIANCE)
    return Difference(status=Status.OK, value=value, se=squared**0.5, n=a.n + b.n)


def _moments(sums: ArmSums) -> Moments | None:
    if isinstance(sums, ProportionSums) and sums.n and is_at_edge(sums):
        return padded_moments(sums)
    return moments_of(sums)


def word_guardrail(
    metric: Metric, margin: Margin, control: ArmSums, arm: ArmSums, *, state: str
) -> str:
    """ "cost rose 18 %, past the limit of 10 %": what was seen, beside what was allowed."""
    before, after = mean_of(control) or 0.0, mean_of(arm) or 0.0
    verb = "rose" if after > before else "fell"
    if margin.is_relative:
        change = percent(abs(after / before - 1)) if before else "from nothing"
        limit = percent(margin.amount)
    else:
        change = "by " + plain_amount(metric.unit, abs(after - before)) + unit_word(metric.unit)
        limit = plain_amount(metric.unit, margin.amount) + unit_word(metric.unit)
    return f"{metric.name} {verb} {change}, {BESIDE_LIMIT[state]} {limit}"


def breached_variants(guardrails: Sequence[GuardrailResult]) -> set[str]:
    return {each["variant"] for each in guardrails if each["state"] == "breached"}


def hedge(
    verdict: VerdictResult, guardrails: Sequence[GuardrailResult], *, ending: str
) -> VerdictResult:
    """Say of a better variant what its guardrails say, before the ``ending`` of the sentence."""
    said = verdict["sentence"].removesuffix(ending)
    own = [each for each in guardrails if each["variant"] == verdict["variant"]]
    breached = [each["sentence"] for each in own if each["state"] == "breached"]
    unsure = [each["name"] for each in own if each["state"] == "unsure"]
    if breached:
        sentence = f"{said}, but {'; '.join(breached)}{ending}"
        rule = f"{verdict['rule']} A guardrail is breached: its interval lies past the margin."
        return {**verdict, "code": "mixed", "sentence": sentence, "rule": rule}
    if unsure:
        sentence = f"{said}, not shown to be safe on {', '.join(unsure)}{ending}"
        return {**verdict, "sentence": sentence}
    return verdict

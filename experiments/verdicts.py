"""The verdict: one sentence and the rule that fired. Pure; the first rule that answers wins.

Only the absolute difference decides, at the always-valid p corrected for all goals and arms.
"""

from collections.abc import Sequence

from core.formats import days_left
from experiments.cases import FEWEST_OUTCOMES, Case, Question
from experiments.guardrails import breached_variants, hedge
from experiments.results import VerdictResult
from experiments.wording import plain_amount, signed_amount, unit_word

EVER = "Valid however often you look."


def reach_verdict(case: Case) -> VerdictResult:
    for rule in (
        not_started,
        distrust,
        nothing_to_compare,
        too_early,
        difference_found,
        not_measurable,
        no_difference,
    ):
        verdict = rule(case)
        if verdict is not None:
            return verdict
    return cannot_tell(case)


def not_started(case: Case) -> VerdictResult | None:
    if not case.is_draft:
        return None
    return VerdictResult(
        code="not_started",
        sentence=f"Not started: no {case.unit} counts yet.",
        rule=f"Those {case.unit}s count that meet a variant while the experiment runs.",
        variant=None,
    )


def distrust(case: Case) -> VerdictResult | None:
    for finding in case.health:
        if finding["status"] == "block":
            return VerdictResult(
                code="untrusted",
                sentence=f"Don't trust this{case.yet}: {_lower_first(finding['title'])}"
                f" ({finding['detail']}).",
                rule=f"A blocking health check withholds the verdict: {finding['check']}.",
                variant=None,
            )
    return None


def nothing_to_compare(case: Case) -> VerdictResult | None:
    if len(case.names) >= 2:
        return None
    seen = "".join(f"only {case.name(variant)}" for variant in case.names) or "no variant"
    return VerdictResult(
        code="nothing_to_compare",
        sentence=f"Nothing to compare{case.yet}: {seen} was seen.",
        rule="A comparison needs two variants.",
        variant=None,
    )


def too_early(case: Case) -> VerdictResult | None:
    if any(question.is_large_enough for question in case.questions):
        return None
    n, floor = max(
        ((min(q.control["n"], q.arm["n"]), q.floor) for q in case.questions), default=(0, 100)
    )
    return VerdictResult(
        code="too_early",
        sentence=f"{'Too few' if case.is_over else 'Too early'}: {n} of about {floor}"
        f" {case.unit}s per variant. No conclusion.",
        rule=f"No goal is judged below {floor} mature {case.unit}s in each of two variants.",
        variant=None,
    )


def difference_found(case: Case) -> VerdictResult | None:
    decided = [question for question in case.questions if question.is_decided(case.alpha)]
    if not decided:
        return None
    gains = [question for question in decided if question.gain > 0]
    losses = [question for question in decided if question.gain < 0]
    losing = {question.arm["variant"] for question in losses}
    clean = [question for question in gains if question.arm["variant"] not in losing]
    if clean:
        breached = breached_variants(case.guardrails)
        kept = [question for question in clean if question.arm["variant"] not in breached]
        found = _found(case, "better", best_of(kept or clean))
        return hedge(found, case.guardrails, ending=f". {EVER}")
    if gains:
        return _mixed(case, best_of(gains), losses)
    return _found(case, "worse", best_of(losses))


def best_of(questions: Sequence[Question]) -> Question:
    """The surest; among equally sure ones the largest difference."""
    return min(questions, key=lambda question: (question.p, -abs(question.gain)))


def _found(case: Case, code: str, question: Question) -> VerdictResult:
    variant = question.arm["variant"]
    return VerdictResult(
        code=code,
        sentence=f"{case.name(variant)} is {code}: {_change(question)}. {EVER}",
        rule=_rule_of(case, question),
        variant=variant,
    )


def _mixed(case: Case, gain: Question, losses: Sequence[Question]) -> VerdictResult:
    variant = gain.arm["variant"]
    loss = best_of([question for question in losses if question.arm["variant"] == variant])
    verb = "fell" if (loss.comparison["diff"] or 0) < 0 else "rose"
    size = plain_amount(loss.metric["unit"], abs(loss.gain)) + unit_word(loss.metric["unit"])
    return VerdictResult(
        code="mixed",
        sentence=f"{case.name(variant)} is better on {gain.metric['name']}"
        f" ({_change(gain)}), but {loss.metric['name']} {verb} by {size}. {EVER}",
        rule=_rule_of(case, gain),
        variant=variant,
    )


def not_measurable(case: Case) -> VerdictResult | None:
    """Everything turned out alike: what can be said is how large a difference could still be."""
    large = [question for question in case.questions if question.is_large_enough]
    if any(question.is_measurable for question in large):
        return None
    question = large[0]
    ci = question.comparison["ci"]
    bound = ""
    if ci is not None:
        most = plain_amount(question.metric["unit"], max(abs(ci[0]), abs(ci[1])))
        bound = f"; the difference is at most {most}{unit_word(question.metric['unit'])}"
    return VerdictResult(
        code="not_measurable",
        sentence=f"Not measurable: {_scarce(case, question)}{bound}.",
        rule=f"A rate is judged from {FEWEST_OUTCOMES} successes and {FEWEST_OUTCOMES} failures.",
        variant=None,
    )


def _scarce(case: Case, question: Question) -> str:
    if question.metric["type"] != "proportion":
        return f"every {case.unit} has the same {question.metric['name']}"
    failed = {
        arm["variant"]: arm["n"] - arm["sums"]["successes"]
        for arm in (question.control, question.arm)
    }
    word = "failures"
    if sum(failed.values()) >= FEWEST_OUTCOMES:
        word = "successes"
        failed = {
            arm["variant"]: arm["sums"]["successes"] for arm in (question.control, question.arm)
        }
    none = [case.name(variant) for variant, n in failed.items() if not n]
    return f"no {word} in {' and '.join(none)} so far" if none else f"hardly any {word} so far"


def no_difference(case: Case) -> VerdictResult | None:
    ready = [question for question in case.questions if question.is_ready]
    if not all(question.is_negligible for question in ready):
        return None
    largest = max(ready, key=lambda question: question.negligible)
    amount = plain_amount(largest.metric["unit"], largest.negligible)
    return VerdictResult(
        code="no_difference",
        sentence=f"No difference larger than {amount}{unit_word(largest.metric['unit'])}"
        f" in {largest.metric['name']} is plausible. {EVER}",
        rule="Every always-valid interval of a goal lies within what would be negligible.",
        variant=None,
    )


def cannot_tell(case: Case) -> VerdictResult:
    question = best_of([question for question in case.questions if question.is_ready])
    low, high = question.comparison["ci"] or (0.0, 0.0)
    unit = question.metric["unit"]
    return VerdictResult(
        code="cannot_tell",
        sentence=f"Can't tell{case.yet}: anything from {signed_amount(unit, low)} to"
        f" {signed_amount(unit, high)}{unit_word(unit)} in {question.metric['name']}."
        f"{_days(case.days_left)}",
        rule="An always-valid interval still holds both a gain and a loss that would matter.",
        variant=None,
    )


def _change(question: Question) -> str:
    low, high = question.comparison["ci"] or (0.0, 0.0)
    unit = question.metric["unit"]
    diff = signed_amount(unit, question.comparison["diff"] or 0.0)
    return (
        f"{question.metric['name']} {diff}{unit_word(unit)}"
        f" (between {signed_amount(unit, low)} and {signed_amount(unit, high)})"
    )


def _rule_of(case: Case, question: Question) -> str:
    asked = len(case.questions)
    correction = f", Holm-corrected over {asked} comparisons of goals" if asked > 1 else ""
    return f"Always-valid p < {case.alpha:g} on {question.metric['name']}{correction}."


def _days(days: float | None) -> str:
    return f" {days_left(days).capitalize()}." if days else ""


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]

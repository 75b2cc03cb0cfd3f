"""What the analysis takes from a declaration: variants, metrics in their roles, guardrails."""

from collections.abc import Sequence

from experiments.comparing import Rule
from experiments.guardrails import Margin, judge_guardrail, word_guardrail
from experiments.measuring import sums_of
from experiments.metrics import DISCOVERED_METRICS, METRICS, ROLE_ORDER, Metric, with_roles
from experiments.models import Experiment, ExperimentMetric
from experiments.results import GuardrailResult
from experiments.unit_sums import VariantSums, no_sums


def metrics_of(experiment: Experiment) -> Sequence[Metric]:
    """The metrics in the roles that were declared, or those of every discovered experiment."""
    if not experiment.is_declared:
        return DISCOVERED_METRICS
    roles = (
        (each.metric, role)
        for each in experiment.metrics.all()
        for role in ROLE_ORDER
        if role == each.role
    )
    return with_roles(dict(roles))


def declared_arms(experiment: Experiment, seen: Sequence[VariantSums]) -> list[VariantSums]:
    """Every declared variant, one that nobody met too: the split is judged with it."""
    known = {arm.variant: arm for arm in seen}
    keys = [variant.key for variant in experiment.variants.all()]
    return [known.get(key) or no_sums(key) for key in keys]


def judge_guardrails(
    experiment: Experiment, arms: Sequence[VariantSums], control: str, *, rule: Rule
) -> list[GuardrailResult]:
    """What each guardrail says of each variant but the control."""
    base = next((arm for arm in arms if arm.variant == control), None)
    if not experiment.is_declared or base is None:
        return []
    return [
        _judge(declared, base, arm, rule=rule)
        for declared in experiment.metrics.all()
        if declared.margin is not None
        for arm in arms
        if arm is not base
    ]


def _judge(
    declared: ExperimentMetric, base: VariantSums, arm: VariantSums, *, rule: Rule
) -> GuardrailResult:
    metric = METRICS[declared.metric]
    amount = declared.margin or 0.0
    margin = Margin(amount, declared.margin_kind == ExperimentMetric.MarginKind.RELATIVE)
    control, sums = (sums_of(metric, each.values[metric.key]) for each in (base, arm))
    state = judge_guardrail(metric, margin, control, sums, rule=rule)
    return GuardrailResult(
        metric=metric.key,
        name=metric.name,
        variant=arm.variant,
        state=state,
        margin=amount,
        margin_kind=declared.margin_kind,
        sentence=word_guardrail(metric, margin, control, sums, state=state),
    )

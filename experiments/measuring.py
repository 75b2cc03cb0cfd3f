"""From the sums of every arm to the numbers of one metric. Pure."""

from collections.abc import Sequence

from experiments.comparing import Arm, ArmSums, Rule, compare_arms, mean_of, pair_of
from experiments.metrics import Metric
from experiments.results import ArmResult, ComparisonResult, MetricResult
from experiments.results import ArmSums as ArmSumsResult
from experiments.stats import METHOD_VERSION
from experiments.stats.moments import moments_of
from experiments.stats.multiplicity import adjust_holm
from experiments.stats.outcomes import Interval
from experiments.stats.proportions import is_at_edge, padded_moments, wilson_interval
from experiments.stats.sequential import half_width
from experiments.stats.sums import MeanSums, ProportionSums
from experiments.unit_sums import ValueSums, VariantSums


def measure(
    metric: Metric, arms: Sequence[VariantSums], control: str, *, rule: Rule
) -> MetricResult:
    """Return one metric of every arm, and of every other arm against the control."""
    sums = {arm.variant: sums_of(metric, arm.values[metric.key]) for arm in arms}
    compared = [arm.variant for arm in arms if arm.variant != control and control in sums]
    return MetricResult(
        key=metric.key,
        name=metric.name,
        role=metric.role,
        type=metric.type,
        direction=metric.direction,
        unit=metric.unit,
        alpha=rule.alpha,
        tuning_units=rule.tuning_units,
        cap=None,
        method_version=METHOD_VERSION,
        arms=[arm_result(arm, metric, sums[arm.variant], rule=rule) for arm in arms],
        comparisons=[
            compare_arms(
                metric,
                Arm(variant=control, sums=sums[control]),
                Arm(variant=variant, sums=sums[variant]),
                rule=rule,
            )
            for variant in compared
        ],
    )


def sums_of(metric: Metric, values: ValueSums) -> ArmSums:
    if metric.type == "proportion":
        return ProportionSums(values.n, round(values.total))
    return MeanSums(values.n, values.total, values.squares)


def arm_result(arm: VariantSums, metric: Metric, sums: ArmSums, *, rule: Rule) -> ArmResult:
    values = arm.values[metric.key]
    if isinstance(sums, ProportionSums):
        kept = ArmSumsResult(n=sums.n, successes=sums.successes)
    else:
        kept = ArmSumsResult(n=sums.n, total=sums.total, squares=sums.squares)
    return ArmResult(
        variant=arm.variant,
        n=values.n,
        missing=arm.mature - values.n,
        mean=mean_of(sums),
        ci=pair_of(interval_of(sums, rule=rule)),
        low=values.low,
        high=values.high,
        p50=values.p50,
        p95=values.p95,
        sums=kept,
    )


def interval_of(sums: ArmSums, *, rule: Rule) -> Interval | None:
    """Return where the mean of one arm lies, at every look; a rate stays within 0 to 1."""
    moments = moments_of(sums)
    if isinstance(sums, ProportionSums):
        if sums.n == 1:
            return wilson_interval(sums, alpha=rule.alpha)
        if sums.n and is_at_edge(sums):
            moments = padded_moments(sums)
    if moments is None or moments.n < 2 or moments.variance <= 0:
        return None
    se = moments.squared_error**0.5
    reach = half_width(se, moments.n, alpha=rule.alpha, tuning_units=rule.tuning_units)
    found = Interval.around(moments.mean, reach)
    if isinstance(sums, ProportionSums):
        return Interval(low=max(found.low, 0.0), high=min(found.high, 1.0))
    return found


def correct_for_goals(metrics: list[MetricResult]) -> None:
    """Set the p-values that the verdict reads: Holm over goal metrics and arms."""
    asked: list[ComparisonResult] = [
        comparison
        for metric in metrics
        if metric["role"] == "goal"
        for comparison in metric["comparisons"]
        if comparison["p_always_valid"] is not None
    ]
    corrected = adjust_holm([comparison["p_always_valid"] or 0.0 for comparison in asked])
    for comparison, p in zip(asked, corrected, strict=True):
        comparison["p_adjusted"] = p

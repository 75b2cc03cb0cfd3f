"""One variant against the control on one metric: every number a page shows of it. Pure."""

from dataclasses import dataclass

from experiments.metrics import Metric
from experiments.results import ComparisonResult, Pair
from experiments.stats.bayes import Beta, chance_above, expected_shortfall, normal_posterior
from experiments.stats.differences import (
    Difference,
    compare,
    difference_between,
    difference_of_moments,
)
from experiments.stats.outcomes import Estimate, Interval, Status
from experiments.stats.proportions import is_at_edge, newcombe_difference, padded_moments
from experiments.stats.sequential import estimate_always_valid
from experiments.stats.sums import MeanSums, ProportionSums

ArmSums = ProportionSums | MeanSums
EXACT_POSTERIOR_UNITS = 1_000


@dataclass(frozen=True, slots=True)
class Rule:
    """How an experiment judges: its error rate and where its intervals are tightest."""

    alpha: float
    tuning_units: int


@dataclass(frozen=True, slots=True)
class Arm:
    variant: str
    sums: ArmSums


def compare_arms(metric: Metric, control: Arm, arm: Arm, *, rule: Rule) -> ComparisonResult:
    """Compare at every look, at a fixed size, relative to the control, and as a posterior."""
    found = _difference(control.sums, arm.sums)
    always = estimate_always_valid(found, tuning_units=rule.tuning_units, alpha=rule.alpha)
    fixed = _fixed(control.sums, arm.sums, alpha=rule.alpha)
    lift = difference_between(control.sums, arm.sums, relative=True)
    relative = estimate_always_valid(lift, tuning_units=rule.tuning_units, alpha=rule.alpha)
    status = _status(always, control.sums, arm.sums)
    has_p = status is Status.OK
    chance, loss = _posterior(metric, control.sums, arm.sums, found) if has_p else (None, None)
    return ComparisonResult(
        variant=arm.variant,
        vs=control.variant,
        status=status.value,
        diff=_raw_difference(control.sums, arm.sums),
        ci=pair_of(always.interval),
        fixed_ci=pair_of(fixed.interval),
        relative=relative.value,
        relative_ci=pair_of(relative.interval),
        relative_status=relative.status.value,
        p_always_valid=always.p if has_p else None,
        p_fixed=fixed.p if has_p else None,
        p_adjusted=None,
        chance_to_win=chance,
        expected_loss=loss,
    )


def pair_of(interval: Interval | None) -> Pair | None:
    return None if interval is None else (interval.low, interval.high)


def mean_of(sums: ArmSums) -> float | None:
    if not sums.n:
        return None
    return (sums.successes if isinstance(sums, ProportionSums) else sums.total) / sums.n


def _edge_rates(a: ArmSums, b: ArmSums) -> tuple[ProportionSums, ProportionSums] | None:
    """Return both arms when they are rates and one is at 0 or 1: its variance cannot be seen."""
    if not (isinstance(a, ProportionSums) and isinstance(b, ProportionSums) and a.n and b.n):
        return None
    return (a, b) if is_at_edge(a) or is_at_edge(b) else None


def _difference(a: ArmSums, b: ArmSums) -> Difference:
    edge = _edge_rates(a, b)
    if edge is None:
        return difference_between(a, b)
    return difference_of_moments(padded_moments(edge[0]), padded_moments(edge[1]))


def _fixed(a: ArmSums, b: ArmSums, *, alpha: float) -> Estimate:
    found, edge = compare(a, b, alpha=alpha), _edge_rates(a, b)
    if edge is None:
        return found
    score = newcombe_difference(*edge, alpha=alpha)
    return Estimate(status=score.status, value=score.value, interval=score.interval, p=found.p)


def _status(always: Estimate, a: ArmSums, b: ArmSums) -> Status:
    """Two arms in which every unit did the same are not measurable, whatever their interval."""
    edge = _edge_rates(a, b)
    is_same = edge is not None and all(is_at_edge(arm) for arm in edge) and mean_of(a) == mean_of(b)
    return Status.ZERO_VARIANCE if always.is_ok and is_same else always.status


def _raw_difference(a: ArmSums, b: ArmSums) -> float | None:
    first, second = mean_of(a), mean_of(b)
    return None if first is None or second is None else second - first


def _posterior(
    metric: Metric,
    a: ArmSums,
    b: ArmSums,
    found: Difference,
) -> tuple[float, float]:
    """Return the chance that b is the better arm, and what shipping it is expected to cost."""
    small = max(a.n, b.n) <= EXACT_POSTERIOR_UNITS
    if isinstance(a, ProportionSums) and isinstance(b, ProportionSums) and small:
        kept, shipped = Beta.after(a), Beta.after(b)
        return chance_above(shipped, kept), expected_shortfall(shipped, kept)
    posterior = normal_posterior(metric.sign * found.value, found.se)
    return posterior.chance_to_win, max(posterior.loss_if_shipped, 0.0)

"""Inference that holds at every look: the asymptotic confidence sequence and its p-value.

Source: Waudby-Smith, Arbour, Sinha, Kennedy, Ramdas, Time-uniform central limit theory and
asymptotic confidence sequences, arXiv:2103.06476: eq. 9 (interval), 155 (p-value), 161 (tuning).
"""

import math

from experiments.stats.differences import Difference, difference_between
from experiments.stats.outcomes import Estimate, Interval, Status
from experiments.stats.sums import AnySums


def mixture_precision(alpha: float, tuning_units: int) -> float:
    """Return ρ², the value that makes the interval tightest at ``tuning_units`` units."""
    spend = -2 * math.log(alpha)
    return (spend + math.log(spend + 1)) / tuning_units


def half_width(se: float, n: int, *, alpha: float, tuning_units: int) -> float:
    """Return the half-width of the interval around an estimate from n units of both arms."""
    spread = n * mixture_precision(alpha, tuning_units)
    boundary = 2 * (spread + 1) / spread * math.log(math.sqrt(spread + 1) / alpha)
    return se * math.sqrt(boundary)


def p_value(z: float, n: int, *, alpha: float, tuning_units: int) -> float:
    """Return the p-value against no difference; it may be read after any number of looks."""
    spread = n * mixture_precision(alpha, tuning_units)
    log_evidence = z * z * spread / (2 * (spread + 1)) - math.log(spread + 1) / 2
    return math.exp(-max(log_evidence, 0.0))


def compare_always_valid(
    a: AnySums, b: AnySums, *, tuning_units: int, relative: bool = False, alpha: float = 0.05
) -> Estimate:
    """Compare b with a so that stopping at any look keeps the error rate."""
    found = difference_between(a, b, relative=relative)
    return estimate_always_valid(found, tuning_units=tuning_units, alpha=alpha)


def estimate_always_valid(found: Difference, *, tuning_units: int, alpha: float) -> Estimate:
    if found.status is not Status.OK:
        return Estimate(status=found.status)
    reach = half_width(found.se, found.n, alpha=alpha, tuning_units=tuning_units)
    return Estimate(
        status=Status.OK,
        value=found.value,
        se=found.se,
        interval=Interval.around(found.value, reach),
        p=p_value(found.z, found.n, alpha=alpha, tuning_units=tuning_units),
    )


def mixture_likelihood_ratio(
    diff: float, n_pairs: int, *, pair_variance: float, prior_variance: float
) -> float:
    """Return Λ of the mixture sequential probability ratio test with a normal mixture.

    Equal to the confidence sequence above with ρ² = prior variance / pair variance.
    Source: Johari, Pekelis, Walsh, Always Valid Inference, arXiv:1512.04922, eq. 12.
    """
    total = pair_variance + n_pairs * prior_variance
    exponent = (n_pairs * diff) ** 2 * prior_variance / (2 * pair_variance * total)
    return math.sqrt(pair_variance / total) * math.exp(exponent)

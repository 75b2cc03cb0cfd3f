"""Score intervals of proportions: right where the normal approximation has no variance left."""

import math

from experiments.stats.moments import Moments
from experiments.stats.normal import critical_value
from experiments.stats.outcomes import Estimate, Interval, Status
from experiments.stats.sums import ProportionSums


def wilson_interval(sums: ProportionSums, *, alpha: float = 0.05) -> Interval:
    """Return the score interval of one proportion.

    Source: Wilson 1927, JASA 22:209-212.
    """
    z2 = critical_value(alpha / 2) ** 2
    n, rate = sums.n, sums.successes / sums.n
    centre = (rate + z2 / (2 * n)) / (1 + z2 / n)
    reach = math.sqrt(z2 * (rate * (1 - rate) / n + z2 / (4 * n * n))) / (1 + z2 / n)
    # The score interval holds its own rate; rounding may push a bound at 0 or 1 past it.
    return Interval(
        low=min(max(centre - reach, 0.0), rate), high=max(min(centre + reach, 1.0), rate)
    )


def newcombe_difference(a: ProportionSums, b: ProportionSums, *, alpha: float = 0.05) -> Estimate:
    """Return b - a with the hybrid score interval, which needs no variance in either arm.

    Source: Newcombe 1998, Statistics in Medicine 17:873-890, method 10.
    """
    if not a.n or not b.n:
        return Estimate(status=Status.NO_UNITS)
    rate_a, rate_b = a.successes / a.n, b.successes / b.n
    around_a, around_b = wilson_interval(a, alpha=alpha), wilson_interval(b, alpha=alpha)
    value = rate_b - rate_a
    return Estimate(
        status=Status.OK,
        value=value,
        interval=Interval(
            low=value - math.hypot(rate_b - around_b.low, around_a.high - rate_a),
            high=value + math.hypot(around_b.high - rate_b, rate_a - around_a.low),
        ),
    )


def is_at_edge(sums: ProportionSums) -> bool:
    """Tell whether every unit did, or none: the estimated variance is zero and false."""
    return sums.successes in {0, sums.n}


def padded_moments(sums: ProportionSums) -> Moments:
    """Return moments with one success and one failure added to the variance, not to the mean.

    Keeps a sequence of intervals honest while an arm has no failure yet.
    Source: Agresti, Caffo 2000, The American Statistician 54:280-288.
    """
    rate = (sums.successes + 1) / (sums.n + 2)
    mean = sums.successes / sums.n
    return Moments(n=sums.n, mean=mean, variance=rate * (1 - rate), baseline=mean)

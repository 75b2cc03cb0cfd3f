"""From sums to the mean of an arm and its variance: one form for every kind of metric."""

from dataclasses import dataclass

from experiments.stats.sums import (
    AnySums,
    CupedSums,
    MeanSums,
    ProportionSums,
    RatioSums,
    sample_covariance,
    sample_variance,
)


@dataclass(frozen=True, slots=True)
class Moments:
    """A mean over n units and the variance of one unit. The variance of the mean is variance/n."""

    n: int
    mean: float
    variance: float
    baseline: float  # the mean before any adjustment: what relative lift divides by

    @property
    def squared_error(self) -> float:
        return self.variance / self.n


def moments_of(sums: AnySums) -> Moments | None:
    """Return the moments of one arm, or None where no mean exists (no units, no denominator)."""
    if sums.n == 0:
        return None
    match sums:
        case ProportionSums(n=n, successes=successes):
            rate = successes / n
            return Moments(n=n, mean=rate, variance=rate * (1 - rate), baseline=rate)
        case MeanSums(n=n, total=total, squares=squares):
            mean, variance = total / n, sample_variance(n, total, squares)
            return Moments(n=n, mean=mean, variance=variance, baseline=mean)
        case RatioSums():
            return ratio_moments(sums)
        case CupedSums(n=n, y=y, yy=yy):
            return Moments(n=n, mean=y / n, variance=sample_variance(n, y, yy), baseline=y / n)


def ratio_moments(sums: RatioSums) -> Moments | None:
    """Linearise a ratio of sums: the unit's residual is (m - r d) / mean(d).

    Source: Deng, Knoblich, Lu 2018, Applying the Delta Method in Metric Analytics, eq. 5.
    """
    if sums.d <= 0:
        return None
    ratio, depth = sums.m / sums.d, sums.d / sums.n
    variance = (
        sample_variance(sums.n, sums.m, sums.mm)
        - 2 * ratio * sample_covariance(sums.n, sums.md, sums.m, sums.d)
        + ratio**2 * sample_variance(sums.n, sums.d, sums.dd)
    ) / depth**2
    return Moments(n=sums.n, mean=ratio, variance=max(variance, 0.0), baseline=ratio)


def adjusted_moments(a: CupedSums, b: CupedSums) -> tuple[Moments | None, Moments | None]:
    """Remove from both arms what the covariate explains, with one slope for both.

    Source: Deng, Xu, Kohavi, Walker 2013, Improving the Sensitivity of Online Controlled
    Experiments by Utilizing Pre-Experiment Data, section 3.2 (slope pooled over the arms).
    """
    both = a + b
    spread = sample_variance(both.n, both.x, both.xx)
    slope = sample_covariance(both.n, both.xy, both.x, both.y) / spread if spread else 0.0
    return _adjusted(a, slope=slope), _adjusted(b, slope=slope)


def _adjusted(sums: CupedSums, *, slope: float) -> Moments | None:
    if sums.n == 0:
        return None
    variance = (
        sample_variance(sums.n, sums.y, sums.yy)
        + slope**2 * sample_variance(sums.n, sums.x, sums.xx)
        - 2 * slope * sample_covariance(sums.n, sums.xy, sums.x, sums.y)
    )
    return Moments(
        n=sums.n,
        mean=(sums.y - slope * sums.x) / sums.n,
        variance=max(variance, 0.0),
        baseline=sums.y / sums.n,
    )

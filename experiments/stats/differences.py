"""Differences between two arms at a sample size fixed in advance: Welch and the delta method."""

import math
from dataclasses import dataclass

from experiments.stats.moments import Moments, adjusted_moments, moments_of
from experiments.stats.outcomes import Estimate, Interval, Status
from experiments.stats.sums import AnySums, CupedSums
from experiments.stats.tails import student_critical, student_tail

LARGEST_Z = 1e100


@dataclass(frozen=True, slots=True)
class Difference:
    """b - a with its standard error, before any interval is put around it."""

    status: Status
    value: float = math.nan
    se: float = math.nan
    df: float = math.nan
    n: int = 0  # units of both arms

    @property
    def z(self) -> float:
        """The size of the difference in standard errors, kept where its square is a number."""
        return min(abs(self.value / self.se), LARGEST_Z)


def difference_between(a: AnySums, b: AnySums, *, relative: bool = False) -> Difference:
    """Return b - a, or (b - a) / a, and its standard error."""
    first, second = _pair(a, b)
    if first is None or second is None:
        return Difference(status=Status.NO_UNITS)
    return difference_of_moments(first, second, relative=relative)


def difference_of_moments(a: Moments, b: Moments, *, relative: bool = False) -> Difference:
    if min(a.n, b.n) < 2:
        return Difference(status=Status.TOO_FEW)
    if relative and a.baseline == 0:
        return Difference(status=Status.BASELINE_UNUSABLE)
    value = b.mean - a.mean
    squared = a.squared_error + b.squared_error
    if squared <= 0:
        return Difference(status=Status.ZERO_VARIANCE)
    df = welch_df(a, b)
    if relative:
        squared = relative_squared_error(a, b)
        value /= a.baseline
        if not (0 < squared < math.inf and math.isfinite(value)):
            return Difference(status=Status.BASELINE_UNUSABLE)
    return Difference(status=Status.OK, value=value, se=math.sqrt(squared), df=df, n=a.n + b.n)


def welch_df(a: Moments, b: Moments) -> float:
    """Return the degrees of freedom of the sum of both squared errors.

    Source: Welch 1947, Biometrika 34:28-35; Satterthwaite 1946, Biometrics Bulletin 2:110-114.
    """
    first, second = a.squared_error, b.squared_error
    share = first / (first + second)  # shares: squares of huge or tiny errors leave the floats
    return 1 / (share**2 / (a.n - 1) + (1 - share) ** 2 / (b.n - 1))


def relative_squared_error(a: Moments, b: Moments) -> float:
    """Return the squared error of (b - a) / a by the delta method, at the unadjusted means.

    Source: Deng, Knoblich, Lu 2018, Applying the Delta Method in Metric Analytics, section 3.
    """
    square = a.baseline * a.baseline
    if square == 0:
        return math.inf
    lift = b.baseline / a.baseline
    return (b.squared_error + lift * lift * a.squared_error) / square


def compare(a: AnySums, b: AnySums, *, relative: bool = False, alpha: float = 0.05) -> Estimate:
    """Test b against a with Welch's t at a sample size fixed in advance."""
    found = difference_between(a, b, relative=relative)
    if found.status is not Status.OK:
        return Estimate(status=found.status)
    half_width = student_critical(alpha / 2, found.df) * found.se
    return Estimate(
        status=Status.OK,
        value=found.value,
        se=found.se,
        interval=Interval.around(found.value, half_width),
        p=2 * student_tail(found.z, found.df),
    )


def _pair(a: AnySums, b: AnySums) -> tuple[Moments | None, Moments | None]:
    if isinstance(a, CupedSums) and isinstance(b, CupedSums):
        return adjusted_moments(a, b)
    return moments_of(a), moments_of(b)

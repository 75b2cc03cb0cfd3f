"""Sufficient statistics of one arm: what the database sums, and all that inference needs.

Each class refuses sums that no data can have and adds with ``+``, so windows, shards and
allocation segments combine exactly.
"""

import math
from dataclasses import dataclass, fields
from typing import Self

ROUNDING = 1e-9
"""A variance below zero by this share of the mean square is cancellation; more is impossible."""


class ImpossibleSumsError(ValueError):
    """Sums that no set of units can have."""

    def __init__(self, sums: object, reason: str) -> None:
        super().__init__(f"{reason}: {sums}")
        self.sums = sums
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Sums:
    """What every kind of sums shares: a unit count, finite numbers, addition field by field."""

    n: int

    def __post_init__(self) -> None:
        if self.n < 0:
            raise ImpossibleSumsError(self, "a negative number of units")
        values = [getattr(self, field.name) for field in fields(self)]
        if not all(math.isfinite(value) for value in values):
            raise ImpossibleSumsError(self, "a sum that is not a finite number")
        if self.n == 0 and any(values):
            raise ImpossibleSumsError(self, "sums without units")

    def __add__(self, other: Self) -> Self:
        if type(self) is not type(other):
            return NotImplemented
        names = [field.name for field in fields(self)]
        return type(self)(*(getattr(self, name) + getattr(other, name) for name in names))


@dataclass(frozen=True, slots=True)
class ProportionSums(Sums):
    """Units that did, of all units."""

    successes: int

    def __post_init__(self) -> None:
        Sums.__post_init__(self)
        if not 0 <= self.successes <= self.n:
            raise ImpossibleSumsError(self, "successes outside 0 to n")


@dataclass(frozen=True, slots=True)
class MeanSums(Sums):
    """One number a unit: Σy and Σy²."""

    total: float
    squares: float

    def __post_init__(self) -> None:
        Sums.__post_init__(self)
        refuse_negative_spread(self, self.total, self.squares)


@dataclass(frozen=True, slots=True)
class RatioSums(Sums):
    """Two numbers a unit, compared as Σm / Σd over units: errors and calls, say."""

    m: float
    mm: float
    d: float
    dd: float
    md: float

    def __post_init__(self) -> None:
        Sums.__post_init__(self)
        refuse_negative_spread(self, self.m, self.mm)
        refuse_negative_spread(self, self.d, self.dd)


@dataclass(frozen=True, slots=True)
class CupedSums(Sums):
    """An outcome y and a covariate x from before the assignment."""

    y: float
    yy: float
    x: float
    xx: float
    xy: float

    def __post_init__(self) -> None:
        Sums.__post_init__(self)
        refuse_negative_spread(self, self.y, self.yy)
        refuse_negative_spread(self, self.x, self.xx)


AnySums = ProportionSums | MeanSums | RatioSums | CupedSums


def refuse_negative_spread(sums: Sums, total: float, squares: float) -> None:
    """Raise when Σy² is smaller than (Σy)²/n can be, rounding allowed."""
    if squares < 0:
        raise ImpossibleSumsError(sums, "a negative sum of squares")
    if sums.n and squares - total * total / sums.n < -ROUNDING * max(squares, 1e-300):
        raise ImpossibleSumsError(sums, "a negative variance")


def sample_variance(n: int, total: float, squares: float) -> float:
    """Return the unbiased variance, with cancellation noise read as zero."""
    if n < 2:
        return 0.0
    spread = squares - total * total / n
    return spread / (n - 1) if spread > ROUNDING * squares * 1e-3 else 0.0


def sample_covariance(n: int, xy: float, x: float, y: float) -> float:
    return (xy - x * y / n) / (n - 1) if n > 1 else 0.0

"""The normal distribution with accurate tails, without scipy."""

import math
from statistics import NormalDist

_STANDARD = NormalDist()


def upper_tail(z: float) -> float:
    """Return P(Z > z), accurate far into the tail where 1 - Φ(z) would be 0."""
    return 0.5 * math.erfc(z / math.sqrt(2))


def density(z: float) -> float:
    return math.exp(-z * z / 2) / math.sqrt(2 * math.pi)


def critical_value(tail: float) -> float:
    """Return z with P(Z > z) = tail."""
    return -_STANDARD.inv_cdf(tail)

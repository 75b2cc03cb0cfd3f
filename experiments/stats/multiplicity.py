"""Several questions at once: p-values corrected for how many were asked."""

from collections.abc import Sequence


def adjust_holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values that bound the chance of any false claim (for the verdict).

    Source: Holm 1979, Scandinavian Journal of Statistics 6:65-70.
    """
    count, floor = len(p_values), 0.0
    adjusted = [0.0] * count
    for rank, index in enumerate(_ascending(p_values)):
        floor = max(floor, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = floor
    return adjusted


def adjust_benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Return p-values that bound the share of false claims (for exploration).

    Source: Benjamini, Hochberg 1995, JRSS B 57:289-300.
    """
    count, ceiling = len(p_values), 1.0
    adjusted = [0.0] * count
    for rank, index in reversed(list(enumerate(_ascending(p_values), start=1))):
        ceiling = min(ceiling, p_values[index] * count / rank)
        adjusted[index] = ceiling
    return adjusted


def _ascending(p_values: Sequence[float]) -> list[int]:
    return sorted(range(len(p_values)), key=p_values.__getitem__)

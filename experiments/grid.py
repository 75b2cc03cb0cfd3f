"""Variants of a grid: their settings, the effect of one, the heat map of two. Pure.

``createVariantsFromGrid`` of ai-experiments names a variant ``key=value, key=value``: that is where
settings are found when no event tells them.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

MAX_DIMENSIONS = 8
MAX_VALUE = 200
SHADES = 5

_setting = re.compile(r"([A-Za-z_][\w.\- ]{0,60})=(.*)", re.DOTALL).fullmatch


@dataclass(frozen=True, slots=True)
class Point:
    """One variant: its settings, and the mean of one metric over ``n`` units."""

    variant: str
    settings: dict[str, str]
    n: int
    mean: float | None


@dataclass(frozen=True, slots=True)
class Pooled:
    """Several variants as one: the mean over all their units."""

    n: int
    mean: float | None
    variants: list[str]
    shade: int = 0  # 1 (worst) to SHADES (best); 0 without a value
    is_best: bool = False


@dataclass(frozen=True, slots=True)
class Effect:
    """What one setting does, the others averaged: its values in order, with their means."""

    dimension: str
    values: list[tuple[str, Pooled]]
    spread: float | None  # between the highest and the lowest mean


@dataclass(frozen=True, slots=True)
class HeatMap:
    across: str
    down: str
    columns: list[str]
    rows: list[tuple[str, list[Pooled]]]


def parse_name(name: str) -> dict[str, str]:
    """Return the settings that a name of a grid spells out; {} for any other name.

    A piece without "=" belongs to the value before it, which may hold commas.
    """
    settings: dict[str, str] = {}
    last = ""
    for piece in name.split(", "):
        found = _setting(piece)
        if found is not None and found[1] not in settings:
            last = found[1]
            settings[last] = found[2]
        elif last:
            settings[last] += f", {piece}"
        else:
            return {}
    return settings if len(settings) <= MAX_DIMENSIONS else {}


def plain_dimensions(told: object) -> dict[str, str]:
    """Return the flat values of ``dimensions`` or ``config`` of an event, as text."""
    if not isinstance(told, dict):
        return {}
    plain = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in told.items()
        if isinstance(value, str | int | float | bool)
    }
    short = {key: value for key, value in plain.items() if len(value) <= MAX_VALUE}
    return short if len(short) <= MAX_DIMENSIONS else {}


def find_dimensions(points: Sequence[Point]) -> list[str]:
    """Return the settings that all variants name and that differ, in the order they are named."""
    if len(points) < 2:
        return []
    return [
        key
        for key in points[0].settings
        if all(key in point.settings for point in points)
        and len({point.settings[key] for point in points}) > 1
    ]


def measure_effects(points: Sequence[Point], *, is_higher_better: bool) -> list[Effect]:
    return [
        _effect(points, dimension, is_higher_better=is_higher_better)
        for dimension in find_dimensions(points)
    ]


def _effect(points: Sequence[Point], dimension: str, *, is_higher_better: bool) -> Effect:
    values = _values_of(points, dimension)
    pooled = [pool(p for p in points if p.settings[dimension] == value) for value in values]
    means = [each.mean for each in pooled if each.mean is not None]
    shaded = _shade(pooled, is_higher_better=is_higher_better)
    return Effect(
        dimension=dimension,
        values=list(zip(values, shaded, strict=True)),
        spread=max(means) - min(means) if means else None,
    )


def draw_heat_map(
    points: Sequence[Point], down: str, across: str, *, is_higher_better: bool
) -> HeatMap:
    """Return the cells of two settings; further ones are averaged over."""
    rows, columns = _values_of(points, down), _values_of(points, across)
    cells = [
        pool(p for p in points if p.settings[down] == row and p.settings[across] == column)
        for row in rows
        for column in columns
    ]
    shaded = _shade(cells, is_higher_better=is_higher_better)
    width = len(columns)
    return HeatMap(
        across=across,
        down=down,
        columns=columns,
        rows=[(row, shaded[at * width : (at + 1) * width]) for at, row in enumerate(rows)],
    )


def pool(points: Iterable[Point]) -> Pooled:
    taken = list(points)
    measured = [(point.n, point.mean) for point in taken if point.n and point.mean is not None]
    n = sum(each for each, _ in measured)
    mean = math.fsum(each * mean for each, mean in measured) / n if n else None
    return Pooled(n=n, mean=mean, variants=[point.variant for point in taken])


def _values_of(points: Sequence[Point], dimension: str) -> list[str]:
    """Its values: numbers by size, else in the order of the variants."""
    values = list(dict.fromkeys(point.settings[dimension] for point in points))
    try:
        return sorted(values, key=float)
    except ValueError:
        return values


def _shade(cells: Sequence[Pooled], *, is_higher_better: bool) -> list[Pooled]:
    means = [cell.mean for cell in cells if cell.mean is not None]
    low, high = min(means, default=0.0), max(means, default=0.0)
    best = high if is_higher_better else low

    def shade(mean: float | None) -> int:
        if mean is None or high == low:
            return 0
        share = (mean - low) / (high - low)
        return 1 + round((share if is_higher_better else 1 - share) * (SHADES - 1))

    return [
        Pooled(
            n=cell.n,
            mean=cell.mean,
            variants=cell.variants,
            shade=shade(cell.mean),
            is_best=cell.mean is not None and cell.mean == best and high != low,
        )
        for cell in cells
    ]

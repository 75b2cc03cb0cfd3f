"""The grid of an experiment's page: which metric, which two settings, what is linked."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from experiments.grid import (
    Effect,
    HeatMap,
    Point,
    Pooled,
    draw_heat_map,
    find_dimensions,
    measure_effects,
    parse_name,
)
from experiments.leaderboard import FORMATS
from experiments.metrics import METRICS, Metric
from experiments.results import MetricResult, Results, is_measured

PREFERRED = ("metric_value", "success_rate")
MOST_CELLS = 400  # a setting with a value of its own for each variant is no axis


@dataclass(frozen=True, slots=True)
class GridCell:
    text: str
    note: str
    pooled: Pooled
    url: str  # the units of a cell that is one variant


@dataclass(frozen=True, slots=True)
class EffectTable:
    effect: Effect
    spread: str
    cells: list[tuple[str, GridCell]]


@dataclass(frozen=True, slots=True)
class HeatTable:
    heat: HeatMap
    rows: list[tuple[str, list[GridCell]]]


@dataclass(frozen=True, slots=True)
class Grid:
    metric: Metric
    metrics: list[Metric]
    dimensions: list[str]
    effects: list[EffectTable]
    heat: HeatTable | None


def describe_grid(results: Results, params: Mapping[str, str]) -> Grid | None:
    """Return what the settings of the variants do; None when they name none that differ."""
    measured = {
        metric["key"]: metric
        for metric in results["metrics"]
        if metric["key"] in METRICS and is_measured(metric)
    }
    chosen = _choose_metric(measured, params.get("grid", ""))
    if chosen is None:
        return None
    points = _points_of(results, measured[chosen.key])
    dimensions = find_dimensions(points)
    if not dimensions:
        return None
    is_up = chosen.direction == "up"
    return Grid(
        metric=chosen,
        metrics=[METRICS[key] for key in measured],
        dimensions=dimensions,
        effects=[
            _effect_table(effect, chosen)
            for effect in measure_effects(points, is_higher_better=is_up)
        ],
        heat=_heat_table(points, dimensions, chosen, params),
    )


def _choose_metric(measured: Mapping[str, MetricResult], asked: str) -> Metric | None:
    wanted = (asked, *PREFERRED, *measured)
    return next((METRICS[key] for key in wanted if key in measured), None)


def _points_of(results: Results, metric: MetricResult) -> list[Point]:
    arms = {arm["variant"]: arm for arm in metric["arms"]}
    return [
        Point(
            variant=variant["key"],
            # From the name where it can be: a stored object forgets the order of its keys.
            settings=parse_name(variant["name"]) or variant.get("dimensions", {}),
            n=arms[variant["key"]]["n"],
            mean=arms[variant["key"]]["mean"],
        )
        for variant in results["variants"]
        if variant["key"] in arms
    ]


def _effect_table(effect: Effect, metric: Metric) -> EffectTable:
    show = FORMATS[metric.unit]
    return EffectTable(
        effect=effect,
        spread=show(effect.spread),
        cells=[(value, _cell(pooled, metric)) for value, pooled in effect.values],
    )


def _heat_table(
    points: list[Point], dimensions: list[str], metric: Metric, params: Mapping[str, str]
) -> HeatTable | None:
    if len(dimensions) < 2:
        return None
    asked_down, asked_across = params.get("down", ""), params.get("across", "")
    down = asked_down if asked_down in dimensions else dimensions[0]
    others = [dimension for dimension in dimensions if dimension != down]
    across = asked_across if asked_across in others else others[0]
    heat = draw_heat_map(points, down, across, is_higher_better=metric.direction == "up")
    if len(heat.rows) * len(heat.columns) > MOST_CELLS:
        return None
    rows = [(row, [_cell(cell, metric) for cell in cells]) for row, cells in heat.rows]
    return HeatTable(heat=heat, rows=rows)


def _cell(pooled: Pooled, metric: Metric) -> GridCell:
    is_one = len(pooled.variants) == 1 and pooled.n > 0
    query = urlencode({"variant": pooled.variants[0], "metric": metric.key}) if is_one else ""
    note = f"{pooled.n:,} units" if pooled.n != 1 else "1 unit"
    return GridCell(
        text=FORMATS[metric.unit](pooled.mean),
        note=note if pooled.variants else "not tried",
        pooled=pooled,
        url=f"?{query}" if query else "",
    )

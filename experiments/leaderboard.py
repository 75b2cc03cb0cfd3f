"""The leaderboard: a row an arm, each number with its text, its tone and the units behind it."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from core.formats import count, decimal, duration, money, percent, signed_percent
from experiments.metrics import METRICS
from experiments.results import (
    ArmResult,
    ComparisonResult,
    MetricResult,
    Results,
    VariantResult,
    is_measured,
)
from experiments.wording import signed_amount, unit_word

FORMATS = {
    "rate": percent,
    "score": decimal,
    "ms": duration,
    "usd": money,
    "tokens": count,
}


@dataclass(frozen=True, slots=True)
class Bar:
    """An interval on the scale that all arms of its metric share."""

    low: float
    value: float
    high: float
    lowest: float
    highest: float
    label: str


@dataclass(frozen=True, slots=True)
class Cell:
    text: str
    url: str  # the units behind the number, as many as ``n``
    n: int
    title: str
    is_goal: bool
    change: str = ""  # against the control, in words
    tone: str = "even"
    bar: Bar | None = None
    note: str = ""
    guard: str = ""  # what its guardrail says: safe, breached, unsure


@dataclass(frozen=True, slots=True)
class BoardRow:
    variant: VariantResult
    is_best: bool
    units_url: str
    maturing_url: str
    several_url: str
    failed: int
    failed_url: str
    cells: list[Cell]
    chance_to_win: float | None


@dataclass(frozen=True, slots=True)
class Board:
    heads: list[MetricResult]
    rows: list[BoardRow]
    reported_best: str | None
    recomputed_best: str | None

    @property
    def is_agreed(self) -> bool:
        return self.reported_best == self.recomputed_best


def build_leaderboard(results: Results) -> Board:
    """Goals come first; a metric that no unit has is left out."""
    heads = [metric for metric in results["metrics"] if is_measured(metric)]
    executions = [one for one in results["executions"] if one["reported_best"]]
    return Board(
        heads=heads,
        rows=[_row(results, heads, variant) for variant in results["variants"]],
        reported_best=executions[0]["reported_best"] if executions else None,
        recomputed_best=recompute_best(results),
    )


def recompute_best(results: Results) -> str | None:
    """The arm with the highest mean of the metric, as ai-experiments means "best"."""
    metric = _metric(results["metrics"], "metric_value")
    scored = [(arm["mean"], arm["variant"]) for arm in metric["arms"] if arm["mean"] is not None]
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def _row(results: Results, heads: Sequence[MetricResult], variant: VariantResult) -> BoardRow:
    success = _arm(_metric(results["metrics"], "success_rate"), variant["key"])
    goal = next((head for head in heads if head["role"] == "goal"), None)
    comparison = _comparison(goal, variant["key"]) if goal else None
    return BoardRow(
        variant=variant,
        is_best=variant["key"] == results["verdict"]["variant"]
        and results["verdict"]["code"] == "better",
        units_url=units_url(variant["key"]),
        maturing_url=units_url(variant["key"], state="maturing"),
        several_url=units_url(variant["key"], state="several"),
        failed=success["n"] - success["sums"]["successes"],
        failed_url=units_url(variant["key"], state="failed"),
        cells=[
            _cell(head, variant["key"], guard=_guard(results, head["key"], variant["key"]))
            for head in heads
        ],
        chance_to_win=comparison["chance_to_win"] if comparison else None,
    )


def _guard(results: Results, metric: str, variant: str) -> str:
    found = results.get("guardrails", [])  # results of older code have none
    named = (each for each in found if (each["metric"], each["variant"]) == (metric, variant))
    return next((each["state"] for each in named), "")


def _cell(metric: MetricResult, variant: str, *, guard: str) -> Cell:
    arm, comparison = _arm(metric, variant), _comparison(metric, variant)
    return Cell(
        text=FORMATS[metric["unit"]](arm["mean"]),
        url=units_url(variant, metric=metric["key"]),
        n=arm["n"],
        title=_title(metric, arm),
        is_goal=metric["role"] == "goal",
        change=_change(metric, comparison),
        tone=_tone(metric, comparison),
        bar=_bar(metric, comparison),
        note=_note(metric, arm),
        guard=guard,
    )


def units_url(variant: str, **chosen: str) -> str:
    return f"?{urlencode({'variant': variant, **chosen})}"


def _title(metric: MetricResult, arm: ArmResult) -> str:
    show = FORMATS[metric["unit"]]
    parts = [f"n = {arm['n']:,}"]
    if arm["missing"]:
        parts.append(f"{arm['missing']:,} without a value")
    if arm["ci"]:
        parts.append(f"mean between {show(arm['ci'][0])} and {show(arm['ci'][1])}")
    if metric["type"] == "mean" and arm["n"]:
        quantiles = (show(arm[name]) for name in ("low", "p50", "p95", "high"))
        parts.append("least {}, median {}, p95 {}, most {}".format(*quantiles))
    return " · ".join(parts)


def _note(metric: MetricResult, arm: ArmResult) -> str:
    """A mean of durations hides its tail."""
    if metric["unit"] != "ms" or not arm["n"]:
        return ""
    return f"p50 {duration(arm['p50'])} · p95 {duration(arm['p95'])}"


def _change(metric: MetricResult, comparison: ComparisonResult | None) -> str:
    if comparison is None or comparison["diff"] is None or comparison["ci"] is None:
        return ""
    if metric["role"] == "goal":
        unit = metric["unit"]
        return signed_amount(unit, comparison["diff"]) + unit_word(unit)
    return signed_percent(comparison["relative"]) if comparison["relative"] is not None else ""


def _tone(metric: MetricResult, comparison: ComparisonResult | None) -> str:
    """Colour only what is decided, above the floor, in the desired direction."""
    if comparison is None or comparison["ci"] is None or comparison["p_always_valid"] is None:
        return "even"
    smallest = min(_arm(metric, comparison[side])["n"] for side in ("variant", "vs"))
    p = comparison["p_adjusted"] if metric["role"] == "goal" else comparison["p_always_valid"]
    if p is None or p >= metric["alpha"] or smallest < METRICS[metric["key"]].floor:
        return "even"
    return "good" if (comparison["diff"] or 0) * METRICS[metric["key"]].sign > 0 else "bad"


def _bar(metric: MetricResult, comparison: ComparisonResult | None) -> Bar | None:
    if metric["role"] != "goal" or comparison is None:
        return None
    if comparison["ci"] is None or comparison["diff"] is None:
        return None
    bounds = [0.0, *(end for other in metric["comparisons"] for end in other["ci"] or ())]
    margin = (max(bounds) - min(bounds)) * 0.05
    low, high = comparison["ci"]
    unit = metric["unit"]
    return Bar(
        low=low,
        value=comparison["diff"],
        high=high,
        lowest=min(bounds) - margin,
        highest=max(bounds) + margin,
        label=f"{metric['name']} against {comparison['vs']}:"
        f" {signed_amount(unit, comparison['diff'])}{unit_word(unit)}, between"
        f" {signed_amount(unit, low)} and {signed_amount(unit, high)}",
    )


def _metric(metrics: Sequence[MetricResult], key: str) -> MetricResult:
    return next(metric for metric in metrics if metric["key"] == key)


def _arm(metric: MetricResult, variant: str) -> ArmResult:
    return next(arm for arm in metric["arms"] if arm["variant"] == variant)


def _comparison(metric: MetricResult, variant: str) -> ComparisonResult | None:
    return next((one for one in metric["comparisons"] if one["variant"] == variant), None)

"""The numbers and charts of the overview: a time range and the one before it."""

from dataclasses import dataclass, replace

from core.formats import count, duration, exact, known_cost, percent, plural, unpriced
from core.timebuckets import HOUR, Interval, TimeRange
from tracking.charts import Chart, Line, label_buckets
from tracking.series import Scope, Series, Totals, read_series, totals

MODELS_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Tile:
    """``better``: the direction that is good ("up", "down") or "" when neither is.

    ``link``: a parameter of the session list and its value, that show what the number is of.
    """

    label: str
    value: str
    title: str
    change: float | None
    better: str = ""
    link: tuple[str, str] | None = None
    note: str = ""  # instead of the change


def list_tiles(
    project_id: int, time_range: TimeRange, *, environment: str = ""
) -> tuple[Totals, list[Tile]]:
    """The totals of a range, and each beside that of the range before."""
    now = totals(project_id, time_range, environment=environment)
    before = totals(project_id, time_range.previous(), environment=environment)
    return now, [
        _begun_tile("Sessions", "sessions", now, before, link=("sort", "-last_at")),
        _count_tile("Model calls", now.llm_calls, before.llm_calls),
        _error_tile(now, before),
        _duration_tile("Latency p50", now.latency.p50, before.latency.p50),
        _duration_tile("Latency p95", now.latency.p95, before.latency.p95),
        _cost_tile(now, before),
        _count_tile(
            "Tokens",
            now.tokens_in + now.tokens_out,
            before.tokens_in + before.tokens_out,
            link=("sort", "-tokens"),
        ),
        _begun_tile("Users", "users", now, before),
    ]


def change_of(now: float | None, before: float | None) -> float | None:
    """The relative change, or None when there is nothing to compare with."""
    if not before or now is None:
        return None
    return now / before - 1


def _count_tile(label: str, now: int, before: int, *, link: tuple[str, str] | None = None) -> Tile:
    return Tile(label, count(now), exact(now), change_of(now, before), link=link)


def _begun_tile(
    label: str, name: str, now: Totals, before: Totals, *, link: tuple[str, str] | None = None
) -> Tile:
    """A number that may be an estimate, or not known."""
    n, n_before = getattr(now, name), getattr(before, name)
    if n is None:
        return Tile(label, "–", "Not counted in one environment of so many sessions.", None)
    if name not in now.estimated:
        return _count_tile(label, n, n_before, link=link)
    title = f"About {exact(n)}: an estimate, as they are many."
    return Tile(label, f"≈ {count(n)}", title, change_of(n, n_before), link=link)


def _duration_tile(label: str, now: float | None, before: float | None) -> Tile:
    return Tile(label, duration(now), f"{now or 0:,.0f} ms", change_of(now, before), "down")


def _error_tile(now: Totals, before: Totals) -> Tile:
    rate, rate_before = (one.errors / one.spans if one.spans else None for one in (now, before))
    title = f"{now.errors:,} errors of {now.spans:,} spans"
    change = change_of(rate, rate_before)
    return Tile("Error rate", percent(rate), title, change, "down", ("error", "any"))


def _cost_tile(now: Totals, before: Totals) -> Tile:
    """A change is told of sums that miss no call: a model without a price makes nothing cheaper."""
    is_whole = not (now.unpriced_calls or before.unpriced_calls)
    missing = now.unpriced_calls
    note = "" if is_whole else "earlier calls were unpriced"
    return Tile(
        "Cost",
        known_cost(now.cost_usd, missing),
        unpriced(missing) if now.cost_usd is None else f"${now.cost_usd:,.6f}",
        change_of(now.cost_usd, before.cost_usd) if is_whole else None,
        link=("sort", "-cost"),
        note=f"+ {plural(missing, 'unpriced call,unpriced calls')}" if missing else note,
    )


def list_charts(project_id: int, time_range: TimeRange, *, environment: str = "") -> list[Chart]:
    if time_range.interval.step < HOUR:  # sums are kept by the hour
        time_range = replace(time_range, interval=Interval.HOUR)
    scope = Scope(project_id, time_range, time_range.interval, environment)
    calls, errors, cost = read_series(scope, ["llm_calls", "errors", "cost"])
    return [
        _activity_chart(scope, calls, errors),
        _latency_chart(scope),
        _cost_chart(scope, cost) if environment else _model_cost_chart(scope),
    ]


def _labels(scope: Scope, found: Series) -> list[str]:
    return label_buckets(scope.time_range, [bucket.at for bucket in found.buckets])


def _line(found: Series, name: str, tone: str = "") -> Line:
    return Line(name, [bucket.values.get("all") for bucket in found.buckets], tone)


def _activity_chart(scope: Scope, calls: Series, errors: Series) -> Chart:
    return Chart(
        id="chart-activity",
        title="Model calls and errors",
        kind="bars",
        unit="count",
        labels=_labels(scope, calls),
        series=[_line(calls, "Calls"), _line(errors, "Errors", "bad")],
    )


def _latency_chart(scope: Scope) -> Chart:
    p50, p95 = read_series(scope, ["latency_p50", "latency_p95"])
    return Chart(
        id="chart-latency",
        title="Latency of model calls",
        kind="line",
        unit="ms",
        labels=_labels(scope, p50),
        series=[_line(p50, "p50"), _line(p95, "p95")],
    )


def _cost_chart(scope: Scope, cost: Series) -> Chart:
    return Chart(
        id="chart-cost",
        title="Cost",
        kind="bars",
        unit="usd",
        labels=_labels(scope, cost),
        series=[_line(cost, "Cost")],
    )


def _model_cost_chart(scope: Scope) -> Chart:
    [cost] = read_series(scope, ["cost"], group_by="model")
    sums = {name: sum(at.values.get(name) or 0 for at in cost.buckets) for name in cost.groups}
    names = sorted(filter(sums.get, sums), key=lambda name: -sums[name])
    shown, rest = names[:MODELS_SHOWN], names[MODELS_SHOWN:]
    lines = [
        Line(name or "no model", [bucket.values.get(name) for bucket in cost.buckets])
        for name in shown
    ]
    if rest:
        others = [sum(at.values.get(name) or 0 for name in rest) for at in cost.buckets]
        lines.append(Line(f"{len(rest)} more", others, "muted"))
    return Chart(
        id="chart-cost",
        title="Cost by model",
        kind="stacked",
        unit="usd",
        labels=_labels(scope, cost),
        series=lines,
    )

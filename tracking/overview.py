"""The numbers and charts of the overview: a time range and the one before it."""

from dataclasses import dataclass, replace

from core.templatetags.formats import count, duration, exact, money, percent
from core.timebuckets import HOUR, Interval, TimeRange
from tracking.charts import Chart, Line, label_buckets
from tracking.series import Series, Totals, series, totals

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


def list_tiles(
    project_id: int, time_range: TimeRange, *, environment: str = ""
) -> tuple[Totals, list[Tile]]:
    """The totals of a range, and each beside that of the range before."""
    now = totals(project_id, time_range, environment=environment)
    before = totals(project_id, time_range.previous(), environment=environment)
    return now, [
        _count_tile("Sessions", now.sessions, before.sessions, link=("sort", "-last_at")),
        _count_tile("Model calls", now.llm_calls, before.llm_calls),
        _error_tile(now, before),
        _duration_tile("Latency p50", now.latency.p50, before.latency.p50),
        _duration_tile("Latency p95", now.latency.p95, before.latency.p95),
        Tile(
            "Cost",
            money(now.cost_usd),
            f"${now.cost_usd:,.6f}",
            change_of(now.cost_usd, before.cost_usd),
            "down",
            ("sort", "-cost"),
        ),
        _count_tile(
            "Tokens",
            now.tokens_in + now.tokens_out,
            before.tokens_in + before.tokens_out,
            link=("sort", "-tokens"),
        ),
        _count_tile("Users", now.users, before.users),
    ]


def change_of(now: float | None, before: float | None) -> float | None:
    """The relative change, or None when there is nothing to compare with."""
    if not before or now is None:
        return None
    return now / before - 1


def _count_tile(label: str, now: int, before: int, *, link: tuple[str, str] | None = None) -> Tile:
    return Tile(label, count(now), exact(now), change_of(now, before), link=link)


def _duration_tile(label: str, now: float | None, before: float | None) -> Tile:
    return Tile(label, duration(now), f"{now or 0:,.0f} ms", change_of(now, before), "down")


def _error_tile(now: Totals, before: Totals) -> Tile:
    rate, rate_before = (one.errors / one.spans if one.spans else None for one in (now, before))
    title = f"{now.errors:,} errors of {now.spans:,} spans"
    change = change_of(rate, rate_before)
    return Tile("Error rate", percent(rate), title, change, "down", ("error", "any"))


@dataclass(frozen=True, slots=True)
class Charted:
    """What the charts are of; cost is told by model, or as one where an environment is chosen."""

    project_id: int
    time_range: TimeRange
    environment: str

    def read(self, metric: str, group_by: str = "") -> Series:
        return series(
            self.project_id,
            metric=metric,
            interval=self.time_range.interval,
            time_range=self.time_range,
            group_by=group_by,
            environment=self.environment,
        )

    def labels(self, found: Series) -> list[str]:
        return label_buckets(self.time_range, [bucket.at for bucket in found.buckets])


def list_charts(project_id: int, time_range: TimeRange, *, environment: str = "") -> list[Chart]:
    if time_range.interval.step < HOUR:  # sums are kept by the hour
        time_range = replace(time_range, interval=Interval.HOUR)
    charted = Charted(project_id, time_range, environment)
    return [
        _activity_chart(charted),
        _latency_chart(charted),
        _cost_chart(charted) if environment else _model_cost_chart(charted),
    ]


def _line(found: Series, name: str, tone: str = "") -> Line:
    return Line(name, [bucket.values.get("all") for bucket in found.buckets], tone)


def _activity_chart(charted: Charted) -> Chart:
    calls = charted.read("llm_calls")
    errors = charted.read("errors")
    return Chart(
        id="chart-activity",
        title="Model calls and errors",
        kind="bars",
        unit="count",
        labels=charted.labels(calls),
        series=[_line(calls, "Calls"), _line(errors, "Errors", "bad")],
    )


def _latency_chart(charted: Charted) -> Chart:
    p50 = charted.read("latency_p50")
    p95 = charted.read("latency_p95")
    return Chart(
        id="chart-latency",
        title="Latency of model calls",
        kind="line",
        unit="ms",
        labels=charted.labels(p50),
        series=[_line(p50, "p50"), _line(p95, "p95")],
    )


def _cost_chart(charted: Charted) -> Chart:
    cost = charted.read("cost")
    return Chart(
        id="chart-cost",
        title="Cost",
        kind="bars",
        unit="usd",
        labels=charted.labels(cost),
        series=[_line(cost, "Cost")],
    )


def _model_cost_chart(charted: Charted) -> Chart:
    cost = charted.read("cost", "model")
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
        labels=charted.labels(cost),
        series=lines,
    )

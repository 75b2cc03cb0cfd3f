"""The running cost of a run as charts, with its caps."""

from datetime import UTC, datetime

from tracking.adapters.dogpile.record import Run
from tracking.adapters.dogpile.values import (
    Cost,
    cost_of,
    count_of,
    number_of,
    text_of,
    time_of,
)
from tracking.charts import Chart, Line

MOST_POINTS = 400  # of a longer run every n-th total is drawn, and the last


def cost_charts(run: Run) -> list[Chart]:
    """Dollars and tokens after each event that carries a total; fewer than two make no curve."""
    points = _points(run)
    if len(points) < 2:
        return []
    labels = [label for label, _ in points]
    charts = []
    for name, unit, values, cap_names in (
        ("cost", "usd", [cost.usd for _, cost in points], ("maxUsd",)),
        (
            "tokens",
            "count",
            [float(cost.tokens) for _, cost in points],
            ("maxTokens", "maxTotalTokens"),
        ),
    ):
        if any(values):
            cap = next(
                (c for n in cap_names if (c := number_of(run.caps.get(n))) is not None), None
            )
            series = [Line(f"{name} so far", values)]
            if cap is not None:
                series.append(Line("cap", [cap] * len(values), "bad"))
            title = "Running cost" if name == "cost" else "Running tokens"
            charts.append(
                Chart(
                    id=f"run-{name}",
                    title=title,
                    kind="line",
                    unit=unit,
                    labels=labels,
                    series=series,
                )
            )
    return charts


def _points(run: Run) -> list[tuple[str, Cost]]:
    """(label, total): budget state changes where the trace has them, else the events' totals."""
    source = [
        (change, text_of(change.get("eventType")), _agent_of(run, change.get("eventIndex")))
        for change in run.budget_changes
    ] or [
        (event, text_of(event.get("type")), text_of(event.get("agentId"))) for event in run.events
    ]
    points = []
    for said, kind, agent in source:
        cost = cost_of(said.get("cost"))
        if cost is not None:
            at = datetime.fromtimestamp(run.settle(time_of(said)) / 1e6, UTC)
            points.append((f"{at:%H:%M:%S}.{at.microsecond // 1000:03} {agent or kind}", cost))
    step = -(-len(points) // MOST_POINTS) or 1
    kept = points[::step]
    return kept if not points or kept[-1] is points[-1] else [*kept, points[-1]]


def _agent_of(run: Run, index: object) -> str:
    place = count_of(index)
    if place is None or place >= len(run.events):
        return ""
    return text_of(run.events[place].get("agentId"))

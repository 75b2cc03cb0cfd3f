"""Series → what ``_chart.html`` draws: the JSON of the canvas and its table twin."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.formats import count, duration, money, percent
from core.timebuckets import Interval, TimeRange

FORMATS: dict[str, Callable[[object], str]] = {
    "count": count,
    "usd": money,
    "ms": duration,
    "share": percent,
}


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    values: Sequence[float | None]
    tone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """``kind``: line, bars or stacked; ``unit``: count, usd, ms or share."""

    id: str
    title: str
    kind: str
    unit: str
    labels: Sequence[str]
    series: Sequence[Line] = field(default_factory=tuple)

    @property
    def data_id(self) -> str:
        return f"{self.id}-data"

    @property
    def data(self) -> dict[str, Any]:  # JSON
        return {
            "kind": self.kind,
            "unit": self.unit,
            "labels": list(self.labels),
            "series": [
                {"name": line.name, "values": list(line.values), "tone": line.tone}
                for line in self.series
            ],
        }

    @property
    def rows(self) -> list[dict[str, Any]]:  # label and texts
        show = FORMATS[self.unit]
        columns = [line.values for line in self.series]
        return [
            {"label": label, "texts": [show(value) for value in values]}
            for label, *values in zip(self.labels, *columns, strict=True)
        ]


def label_buckets(time_range: TimeRange, starts: Sequence[datetime]) -> list[str]:
    """Short labels of an axis: times within a day or two, else dates. All in UTC."""
    if time_range.interval in (Interval.DAY, Interval.WEEK):
        return [f"{at:%-d %b}" for at in starts]
    return [f"{at:%a %H:%M}" for at in starts]

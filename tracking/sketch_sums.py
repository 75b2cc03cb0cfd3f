"""Sums of sketches over hours, kept by this process as long as their rows stay the same.

Merging sketches is most of what an overview costs, and all but the latest bucket are what they were
at the last look. Each bucket's rows are fingerprinted by their versions, without a look at their
sketches, which grow with what is stored; only buckets with a new fingerprint are merged. Nothing
has to be invalidated, and processes need not agree: a fingerprint never seen before is simply
merged.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from core.timebuckets import DAY, MONDAY, Interval, TimeRange
from tracking.hourly import ALL_GROUPS, HOURS, ROW_VERSIONS
from tracking.statements import Where, fetch_all

MAX_KEPT = 4_096  # at some 4 kB each
Sketch = tuple[int, ...]

FINGERPRINTS = (
    f"SELECT date_bin(%s, hour, %s), {{group}}, sum(n), {ROW_VERSIONS} {HOURS} AND {{where}}"
    " GROUP BY 1, 2"
)
SUMS = (
    f"SELECT date_bin(%s, hour, %s), {{group}}, assay_sketch_sum({{column}}) {HOURS} AND {{where}}"
    " AND date_bin(%s, hour, %s) = ANY (%s) GROUP BY 1, 2"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SketchSource:
    """Which rows and which of their sketches. ``column`` and ``group`` are SQL of this code."""

    project_id: int
    family: int
    column: str = "latency"
    group: str = ALL_GROUPS
    kinds: tuple[int, ...] = ()  # empty: all
    environment: str = ""
    prompt: str = ""  # one key, of family PROMPT

    @property
    def where(self) -> Where:
        where = Where()
        if self.kinds:
            where.add("kind = ANY (%s)", list(self.kinds))
        where.add_if(self.environment or self.prompt, "key_a = %s")
        return where


class SketchSum(NamedTuple):
    at: datetime
    group: str | int
    n: int  # events, with and without a duration
    sketch: Sketch


_kept: dict[tuple[Any, ...], Sketch] = {}  # a source, a bucket and a fingerprint: any hashables


def pick_step(time_range: TimeRange) -> Interval:
    """The bucket to sum a whole range by: few of them to merge, few that change."""
    if time_range.span <= DAY:
        return Interval.HOUR
    return Interval.DAY if time_range.span <= 31 * DAY else Interval.WEEK


def sum_sketches(source: SketchSource, time_range: TimeRange, *, step: Interval) -> list[SketchSum]:
    """Sum the sketches of each bucket and group that has rows."""
    hours = [source.project_id, time_range.start, time_range.end, source.family]
    scope = [step.step, MONDAY, *hours, *source.where.params]
    shape = {"group": source.group, "column": source.column, "where": source.where.sql}
    prints = [(*row,) for row in fetch_all(FINGERPRINTS.format(**shape), scope)]
    found = {row[:2]: _kept.get((source, step, *row)) for row in prints}
    missing = {at for (at, _group), sketch in found.items() if sketch is None}
    if missing:
        params = [*scope, step.step, MONDAY, sorted(missing)]
        found |= {
            (at, group): tuple(sketch or ())
            for at, group, sketch in fetch_all(SUMS.format(**shape), params)
        }
        _keep(source, step, prints, found)
    return [SketchSum(row[0], row[1], int(row[2]), found[row[:2]] or ()) for row in prints]


def _keep(
    source: SketchSource,
    step: Interval,
    prints: Sequence[tuple[Any, ...]],
    found: dict[tuple[Any, ...], Sketch | None],
) -> None:
    if len(_kept) + len(prints) > MAX_KEPT:
        _kept.clear()
    for row in prints[:MAX_KEPT]:
        if sketch := found[row[:2]]:
            _kept[source, step, *row] = sketch

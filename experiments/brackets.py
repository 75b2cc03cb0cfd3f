"""Executions told apart: one call of ai-experiments' ``Experiment()`` is a bracket in time. Pure.

An execution has no id: a start point, an end point and the runs between them share the id of their
experiment alone, and executions of several processes may overlap. The end says how long it took,
which names its start; a run belongs to the execution that ran when it began.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

START, END = "experiment.start", "experiment.complete"
ABANDONED_AFTER = timedelta(days=1)
LARGEST_COUNT = 10**9
MAX_MILLISECONDS = 1e12
TOLERANCE = timedelta(seconds=1)

Point = tuple[str, datetime, dict[str, Any]]
"""(type, time, what the client sent: JSON values of any type)."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of one variant, as its own events say."""

    id: str
    variant: str
    first_at: datetime
    last_at: datetime
    has_ended: bool = False
    has_succeeded: bool = False
    value: float | None = None


@dataclass(slots=True)
class Bracket:
    started_at: datetime
    start: dict[str, Any] | None = None  # None: the start was never seen
    finished_at: datetime | None = None
    end: dict[str, Any] = field(default_factory=dict)
    next_started_at: datetime | None = None
    runs: list[Run] = field(default_factory=list)
    is_cut: bool = False  # not all of its runs were read

    @property
    def planned(self) -> int | None:
        return whole((self.start or {}).get("variantCount"))

    @property
    def is_parallel(self) -> bool | None:
        value = (self.start or {}).get("parallel")
        return value if isinstance(value, bool) else None

    def status(self, now: datetime) -> str:
        """running, complete, stopped early, abandoned."""
        if self.finished_at is None:
            is_old = now - self.started_at >= ABANDONED_AFTER
            return "abandoned" if is_old or self.next_started_at else "running"
        ended = (whole(self.end.get("successCount")) or 0) + (
            whole(self.end.get("failureCount")) or 0
        )
        # stopOnError is not reported; fewer ends than variants is its only trace.
        return "stopped early" if self.planned and ended < self.planned else "complete"

    def best(self) -> str | None:
        """The highest metric value among successful runs; a tie keeps the earlier one."""
        scored = [run for run in self.runs if run.has_succeeded and run.value is not None]
        best = min(scored, key=lambda run: (-(run.value or 0.0), run.first_at), default=None)
        return None if best is None else best.variant

    def holds(self, at: datetime) -> bool:
        end = self.finished_at or self.next_started_at
        return self.started_at <= at and (end is None or at <= end)


def pair_points(points: Iterable[Point]) -> list[Bracket]:
    """Match each end with its start, in order of start. A lone end counts, so does a lone start.

    The same point told twice, live and by a summary, is one.
    """
    brackets: list[Bracket] = []
    for name, at, data in sorted(points, key=lambda point: (point[1], point[0] == END)):
        if name == START:
            _open(brackets, at, data)
        elif name == END:
            _close(brackets, at, data)
    brackets.sort(key=lambda bracket: bracket.started_at)
    for earlier, later in zip(brackets, brackets[1:], strict=False):
        earlier.next_started_at = later.started_at
    return brackets


def _open(brackets: list[Bracket], at: datetime, data: dict[str, Any]) -> None:
    for known in brackets:
        if known.started_at == at and known.start is not None:
            known.start = data | known.start
            return
    brackets.append(Bracket(started_at=at, start=data))


def _close(brackets: list[Bracket], at: datetime, data: dict[str, Any]) -> None:
    for known in brackets:
        if known.finished_at == at and took(known.end) == took(data):
            known.end = data | known.end
            return
    found = _find_start(brackets, at, took(data))
    if found is None:
        found = Bracket(started_at=at - (took(data) or timedelta()))
        brackets.append(found)
    found.finished_at, found.end = at, data


def _find_start(brackets: list[Bracket], at: datetime, length: timedelta | None) -> Bracket | None:
    """The open execution that began when the end says; without a length the latest one."""
    waiting = [each for each in brackets if each.finished_at is None]
    if length is None:
        return max(waiting, key=lambda each: each.started_at, default=None)
    expected = at - length
    near = [each for each in waiting if each.started_at >= expected - TOLERANCE]
    return min(near, key=lambda each: abs(each.started_at - expected), default=None)


def assign_runs(brackets: Sequence[Bracket], runs: Iterable[Run]) -> int:
    """Give every run to the execution it began in; return how many began in none.

    Where executions overlap, one that has no run of this variant yet is meant; else the latest.
    """
    n_outside = 0
    for run in sorted(runs, key=lambda run: (run.first_at, run.id)):
        holding = [bracket for bracket in brackets if bracket.holds(run.first_at)]
        if not holding:
            n_outside += 1
            continue
        free = [each for each in holding if all(one.variant != run.variant for one in each.runs)]
        (free or holding)[-1].runs.append(run)
    return n_outside


def whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= LARGEST_COUNT else None


def took(data: dict[str, Any]) -> timedelta | None:
    value = data.get("totalDuration")
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        return None  # NaN too
    return timedelta(milliseconds=min(value, MAX_MILLISECONDS))

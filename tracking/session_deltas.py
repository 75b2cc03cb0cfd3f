"""What changes of traces mean for their sessions.

A session is the sum of its trace parts. Where parts only grew, the session grows by the difference.
Where a part moved to another session or something was taken away, minima and maxima may have lost
their holder: such a session is *stale* and summed anew from its parts.
"""

from collections.abc import Iterable

import msgspec

from tracking.folding import SUMS, Key, Metric, Part, Sighting
from tracking.traces import Change

UnitArm = tuple[str, str, str, str]
"""(experiment, unit kind, unit id, variant)."""


class SessionTotals(msgspec.Struct):
    """A session's row, or what is to be added to it."""

    session_id: str
    is_implicit: bool = True
    sums: list[int] = msgspec.field(default_factory=lambda: [0] * len(SUMS))
    n_traces: int = 0
    first_us: int | None = None
    last_us: int | None = None
    user: Key | None = None
    user_id: str = ""
    metrics: dict[str, Metric] = {}
    arms: dict[UnitArm, Sighting] = {}
    is_stale: bool = False

    def add_part(self, part: Part) -> None:
        """Add a whole part."""
        self._touch(part)
        self.sums = [a + b for a, b in zip(self.sums, part.sums, strict=True)]
        self.n_traces += part.is_trace_of_session
        self._add_metrics(part.metrics)
        self._add_arms(part.session_id, part.arms)

    def add_growth(self, old: Part, new: Part) -> None:
        """Add what a part gained."""
        self._touch(new)
        self.sums = [s + n - o for s, n, o in zip(self.sums, new.sums, old.sums, strict=True)]
        self.n_traces += new.is_trace_of_session - old.is_trace_of_session
        self._add_metrics(
            {name: _metric_growth(old.metrics.get(name), m) for name, m in new.metrics.items()}
        )
        self._add_arms(
            new.session_id,
            {arm: _sighting_growth(old.arms.get(arm), s) for arm, s in new.arms.items()},
        )

    def add_user(self, key: Key | None, user_id: str) -> None:
        if key is not None and (self.user is None or key < self.user):
            self.user, self.user_id = key, user_id

    def add_user_of(self, part: Part, key: Key | None, user_id: str) -> None:
        """The user of a part's trace. A part of scores alone, whose times are None, lends none: who
        judges a trace and names another session says nothing of that session's user."""
        if part.first_us is not None:
            self.add_user(key, user_id)

    def add(self, delta: "SessionTotals") -> None:
        """Add a delta to a row. Metrics and arms have rows of their own."""
        self.is_implicit = self.is_implicit and delta.is_implicit
        self.sums = [a + b for a, b in zip(self.sums, delta.sums, strict=True)]
        self.n_traces += delta.n_traces
        self._extend(delta.first_us, delta.last_us)
        self.add_user(delta.user, delta.user_id)

    def _touch(self, part: Part) -> None:
        self.is_implicit = self.is_implicit and part.is_implicit
        self._extend(part.first_us, part.last_us)

    def _extend(self, first_us: int | None, last_us: int | None) -> None:
        if first_us is not None and (self.first_us is None or first_us < self.first_us):
            self.first_us = first_us
        if last_us is not None and (self.last_us is None or last_us > self.last_us):
            self.last_us = last_us

    def _add_metrics(self, metrics: dict[str, Metric]) -> None:
        for name, metric in metrics.items():
            if (known := self.metrics.get(name)) is not None:
                known.add(metric)
            elif metric.n:
                self.metrics[name] = msgspec.structs.replace(metric)

    def _add_arms(self, session_id: str, arms: dict[tuple[str, str, str], Sighting]) -> None:
        for (experiment, variant, run_id), sighting in arms.items():
            unit = ("run", run_id) if run_id else ("session", session_id)
            key = (experiment, *unit, variant)
            if (known := self.arms.get(key)) is not None:
                known.add(sighting)
            elif sighting.n:
                self.arms[key] = msgspec.structs.replace(sighting)


def session_deltas(changes: Iterable[Change]) -> dict[str, SessionTotals]:
    """What to add to each session that the changes touch, by session id."""
    deltas: dict[str, SessionTotals] = {}

    def delta_of(session_id: str) -> SessionTotals:
        if (delta := deltas.get(session_id)) is None:
            delta = deltas[session_id] = SessionTotals(session_id)
        return delta

    for change in changes:
        before, after = change.before, change.after
        for own, part in after.parts.items():
            old = before.parts.get(own)
            delta = delta_of(part.session_id)
            if old is None:
                delta.add_part(part)
            elif old.session_id == part.session_id and not change.rebuilt:
                delta.add_growth(old, part)
            else:
                delta.is_stale = True
                delta_of(old.session_id).is_stale = True
            delta.add_user_of(part, after.user, after.claim_user)
        for own in before.parts.keys() - after.parts.keys():
            delta_of(before.parts[own].session_id).is_stale = True
    return deltas


def _metric_growth(old: Metric | None, new: Metric) -> Metric:
    if old is None:
        return new
    return msgspec.structs.replace(
        new, n=new.n - old.n, total=new.total - old.total, squares=new.squares - old.squares
    )


def _sighting_growth(old: Sighting | None, new: Sighting) -> Sighting:
    return new if old is None else msgspec.structs.replace(new, n=new.n - old.n)

"""What an erasure does, phase by phase: each does a piece, and says when it is done."""

import datetime
import time
from collections.abc import Callable
from typing import Any

import psycopg
from django.utils import timezone

from core.audit import record_audit
from core.models import Job, Project
from tracking.changes import Writing
from tracking.counters import Fate, FateCounts
from tracking.erasing import (
    Erased,
    erase_document,
    erase_points,
    erase_traces,
    hold_documents,
    sweep_traces,
)
from tracking.mentions import names_said
from tracking.models import ErasedSubject, Quarantined
from tracking.payloads import empty_stale_slots
from tracking.rules import change_rules, hold_horizon
from tracking.screening import ERASED
from tracking.staging import datetime_of, unix_us
from tracking.subjects import Subject
from tracking.tombstones import SESSION, USER, is_any_erased

AUDIT_DONE = "data.erased"
TRACES_AT_ONCE = 20
TRACES_LOOKED_AT = 20_000
DOCUMENTS_AT_ONCE = 50
EVENTS_AT_ONCE = 500
ROWS_AT_ONCE = 200
LONGEST_READING = 0.5  # seconds of quarantined bodies, each of which may be of 20 MiB
BLOCKS_AT_ONCE = 50
HOURS_AT_ONCE = 24
HOUR = datetime.timedelta(hours=1)

TRACES_OF_SESSION = (
    "SELECT DISTINCT trace_id FROM tracking_tracepart WHERE project_id = %s AND session_id = %s"
    " AND trace_id > %s ORDER BY trace_id LIMIT %s"
)
TRACES_OF_USER = (
    "SELECT DISTINCT p.trace_id FROM tracking_session s JOIN tracking_tracepart p"
    " ON p.project_id = s.project_id AND p.session_id = s.session_id"
    " WHERE s.project_id = %s AND s.user_id = %s AND p.trace_id > %s ORDER BY p.trace_id LIMIT %s"
)
CLAIMED = (
    "SELECT trace_id, claim_user = %s FROM tracking_trace WHERE project_id = %s AND trace_id > %s"
    " ORDER BY trace_id LIMIT %s"
)
NEXT = "SELECT min(occurred_at) FROM tracking_event WHERE project_id = %s AND occurred_at >= %s"
NAMING = (
    "SELECT occurred_at, id, trace_id FROM tracking_event WHERE project_id = %s"
    " AND occurred_at >= %s AND occurred_at < %s AND {column} = %s"
    " ORDER BY occurred_at, id LIMIT %s"
)
ORPHANED_TEXTS = (
    "DELETE FROM tracking_sessiontext t WHERE t.project_id = %s AND NOT EXISTS (SELECT"
    " FROM tracking_session s WHERE s.project_id = t.project_id AND s.session_id = t.session_id)"
)

Step = Callable[["Erasure"], bool]
"""Does a piece of a phase; True when the phase is done."""


def audit_erasure(project: Project, action: str, subject: ErasedSubject, **who: Any) -> None:
    """The record holds the hash alone."""
    actor = who.pop("actor", None)
    record_audit(
        project, actor, action, target=subject.reference, detail={"kind": subject.kind}, **who
    )


class Erasure:
    """One step of an erasure at work."""

    def __init__(self, job: Job, record: ErasedSubject, cursor: psycopg.Cursor[Any]) -> None:
        self.job, self.record, self.cursor = job, record, cursor
        self.subject = Subject(record.project_id, record.kind, record.subject)
        horizon_us = hold_horizon(cursor, record.project_id)
        self.writing = Writing(record.project_id, cursor, 0, timezone.now(), horizon_us)

    @property
    def place(self) -> Any:  # what the phase keeps: JSON
        return self.job.place.get("at")

    def move(self, place: Any) -> None:
        self.job.place = {**self.job.place, "at": place}

    def count(self, what: str, n: int) -> None:
        if n:
            self.record.counts = {**self.record.counts, what: self.record.counts.get(what, 0) + n}
            self.job.n_done += n

    def note(self, erased: Erased) -> None:
        self.count("events", erased.n_events)
        if erased.n_events:  # whoever keeps results of the project sees that its data changed
            counts = FateCounts()
            counts.count(Fate.ERASED, unix_us(self.writing.now) or 0, n=erased.n_events)
            counts.save(self.cursor, self.record.project_id)
        self.count("sessions", len(erased.sessions))

    def erase_traces(self, trace_ids: list[str]) -> None:
        """At most TRACES_AT_ONCE: steps are short."""
        if trace_ids:
            self.note(erase_traces(self.writing, self.subject, trace_ids))


def _documents(erasure: Erasure) -> bool:
    """Documents first: what is derived from them goes with them."""
    after = erasure.place or ["", ""]
    query = (
        "SELECT system, key FROM tracking_document WHERE project_id = %s"
        " AND (system, key) > (%s, %s) ORDER BY system, key LIMIT %s"
    )
    values = (erasure.subject.project_id, *after, DOCUMENTS_AT_ONCE)
    rows = erasure.cursor.execute(query, values).fetchall()
    if rows:
        hold_documents(erasure.writing, rows)
    for system, key in rows:
        erased = erase_document(erasure.writing, erasure.subject, system, key)
        if erased is not None:
            erasure.count("documents", 1)
            erasure.note(erased)
    if rows:
        erasure.move(list(rows[-1]))
    return len(rows) < DOCUMENTS_AT_ONCE


def _sessions(erasure: Erasure) -> bool:
    """The traces of the session, or of the user's sessions."""
    subject = erasure.subject
    query = TRACES_OF_SESSION if subject.kind == SESSION else TRACES_OF_USER
    values = (subject.project_id, subject.name, erasure.place or "", TRACES_AT_ONCE)
    ids = [row[0] for row in erasure.cursor.execute(query, values)]
    erasure.erase_traces(ids)
    if ids:
        erasure.move(ids[-1])
    return len(ids) < TRACES_AT_ONCE


def _traces(erasure: Erasure) -> bool:
    """Traces that the user claims in sessions of others."""
    subject = erasure.subject
    if subject.kind != USER:
        return True
    values = (subject.name, subject.project_id, erasure.place or "", TRACES_LOOKED_AT)
    rows = erasure.cursor.execute(CLAIMED, values).fetchall()
    claimed = [trace_id for trace_id, is_claimed in rows if is_claimed]
    erasure.erase_traces(claimed[:TRACES_AT_ONCE])
    if len(claimed) > TRACES_AT_ONCE:
        erasure.move(claimed[TRACES_AT_ONCE - 1])
        return False
    if rows:
        erasure.move(rows[-1][0])
    return len(rows) < TRACES_LOOKED_AT


def _events(erasure: Erasure) -> bool:
    """Whatever else names the subject, hour by hour."""
    at = datetime.datetime.fromisoformat(erasure.place) if erasure.place else None
    for _ in range(HOURS_AT_ONCE):
        values = (erasure.subject.project_id, at or "-infinity")
        row = erasure.cursor.execute(NEXT, values).fetchone()
        if row is None or row[0] is None:
            return True
        start, at = row[0], row[0].replace(minute=0, second=0, microsecond=0) + HOUR
        if rows := _find_naming(erasure, start, at):
            at = _erase_some(erasure, rows) or at
            break
    erasure.move(at.isoformat() if at else None)
    return False


def _find_naming(
    erasure: Erasure, start: datetime.datetime, end: datetime.datetime
) -> list[tuple[Any, ...]]:
    subject = erasure.subject
    column = "user_own" if subject.kind == USER else "session_own"
    values = (subject.project_id, start, end, subject.name, EVENTS_AT_ONCE)
    return erasure.cursor.execute(NAMING.format(column=column), values).fetchall()


def _erase_some(erasure: Erasure, rows: list[tuple[Any, ...]]) -> datetime.datetime | None:
    """Erase the first rows' traces, or the points of no trace, which a step of their own takes:
    rollups would be locked before their rows. Returns when those begin that are left."""
    left = rows[-1][0] if len(rows) == EVENTS_AT_ONCE else None
    traces: set[str] = set()
    points = []
    for at, identity, trace_id in rows:
        if trace_id and len(traces | {trace_id}) > TRACES_AT_ONCE:
            left = at
            break
        if trace_id:
            traces.add(trace_id)
        else:
            points.append((unix_us(at) or 0, identity.bytes))
    if not traces:
        erasure.note(erase_points(erasure.writing, points))
        return left
    erasure.erase_traces(sorted(traces))
    return datetime_of(points[0][0]) if points else left


def _leftovers(erasure: Erasure) -> bool:
    """What names nobody in sessions of which nothing says any more that they are the user's."""
    return not sweep_traces(erasure.writing, limit=TRACES_AT_ONCE)


def _slots(erasure: Erasure) -> bool:
    """Payload blocks written again without what nothing refers to any more."""
    n_blocks = empty_stale_slots(erasure.cursor, erasure.subject.project_id, limit=BLOCKS_AT_ONCE)
    erasure.count("blocks", n_blocks)
    return n_blocks < BLOCKS_AT_ONCE


def _quarantine(erasure: Erasure) -> bool:
    project_id = erasure.subject.project_id
    rows = Quarantined.objects.filter(project_id=project_id, pk__gt=erasure.place or 0)
    page = list(rows.order_by("pk").defer("body")[:ROWS_AT_ONCE])
    counts, until = FateCounts(), time.monotonic() + LONGEST_READING
    n_read = 0
    for row in page:  # one body at a time: each may be of 20 MiB
        if time.monotonic() > until:
            break
        n_read += 1
        erasure.move(row.pk)
        names = names_said(row.format, bytes(row.body), row.headers)
        if is_any_erased(erasure.cursor, project_id, names):
            reason, at = row.reason.partition(":")[0], unix_us(row.received_at) or 0
            counts.count(Fate.QUARANTINED, at, detail=reason, n=-row.n_items)
            counts.count(Fate.REJECTED, at, detail=ERASED, n=row.n_items)
            erasure.count("quarantined", row.n_items)
            row.delete()
    counts.save(erasure.cursor, project_id)
    return n_read == len(page) < ROWS_AT_ONCE


def _finish(erasure: Erasure) -> bool:
    """What is kept by name elsewhere, then the name itself."""
    record, subject = erasure.record, erasure.subject
    # Texts being refreshed at this moment from what was read before are waited for.
    change_rules(erasure.cursor, subject.project_id)
    erasure.cursor.execute(ORPHANED_TEXTS, (subject.project_id,))
    record.subject, record.erased_at = "", timezone.now()
    audit_erasure(erasure.job.project, AUDIT_DONE, record, actor=erasure.job.created_by)
    return True


PHASES: tuple[Step, ...] = (
    _documents,
    _sessions,
    _traces,
    _events,
    _documents,  # those that came meanwhile: by now it is known which traces and sessions they name
    _leftovers,
    _slots,
    _quarantine,
    _finish,
)

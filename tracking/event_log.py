"""The log of events in the order they arrived: spans and points of every type, newest first.

A position is (received_at, occurred_at, id): unique, and bound to nothing that changes. Following
the log must miss nothing, though requests are digested in any order: it stops before whatever may
still be on its way (:data:`SETTLED`).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from core.paging import CursorError, read_cursor, sign_cursor
from tracking.adapters.analytics_points import EXPERIMENT_TRACE, SESSION_TRACE
from tracking.event_meaning import Said, meaning_of, meaning_of_score
from tracking.events import SCORE, Kind, Payload
from tracking.payloads import load_payloads
from tracking.rows import KIND_NAMES, STATUS_NAMES, Columns
from tracking.statements import Where, fetch_all, fetch_one

PAGE_ROWS = 100
NEWS_ROWS = 100
ROWS_READ = 20_000  # of which those that match are shown
SPAN = "span"
KINDS = {kind.name.lower(): int(kind) for kind in Kind if kind is not Kind.EVENT}

COLUMNS = (
    "e.received_at, e.occurred_at, e.id, e.kind, e.name, e.status, e.trace_id, e.span_id, e.run_id,"
    " e.session_own, e.arms, e.duration_us, e.model, e.error, e.operation, e.metrics,"
    " e.parent_span_id, e.user_own, e.block_id, e.block_ix"
)
ORDER = "e.received_at DESC, e.occurred_at DESC, e.id DESC"
READ = f"SELECT * FROM tracking_event e WHERE {{read}} ORDER BY {ORDER} LIMIT %s"
LINES = f"SELECT {COLUMNS} FROM ({READ}) e WHERE {{kept}} ORDER BY {ORDER} LIMIT %s"
EDGE = (
    "SELECT e.received_at, e.occurred_at, e.id FROM tracking_event e"
    f" WHERE {{read}} ORDER BY {ORDER} OFFSET %s LIMIT 1"
)
PLACE = "(e.received_at, e.occurred_at, e.id)"
TEXT = (
    "strpos(lower(concat_ws(' ', e.name, e.error, e.run_id, e.trace_id, e.span_id, e.session_own,"
    " e.user_own, e.model, e.arms::text, e.metadata::text)), lower(%s)) > 0"
)

# Whatever was received before the oldest request that waits is digested, whole: a digest stores
# events and removes their request at once. A request is stored a moment after its time of receipt,
# and one that cannot be digested must not hold up the rest.
SETTLED = (
    "SELECT greatest(least(min(received_at), %(now)s - %(moment)s), %(now)s - %(patience)s)"
    " FROM tracking_inboxbatch WHERE project_id = %(project_id)s"
)
MOMENT = timedelta(seconds=1)
PATIENCE = timedelta(seconds=30)
QUIET = timedelta(seconds=20)

NO_ID = UUID(int=0)

Position = tuple[datetime, datetime, UUID]


@dataclass(frozen=True, slots=True)
class LogFilter:
    """``type``: "span", a kind of span, or how the type of a point begins. ``text``: words."""

    type: str = ""
    text: str = ""
    environment: str = ""

    @property
    def name(self) -> str:
        return json.dumps(["events", self.type, self.text, self.environment])

    def conditions(self) -> Where:
        where = Where()
        if self.type == SPAN:
            where.add("e.kind <> 0")
        elif self.type in KINDS:
            where.add("e.kind = %s", KINDS[self.type])
        elif self.type == SCORE:
            where.add("(e.operation = %s AND e.duration_us IS NULL OR e.name = %s)", SCORE, SCORE)
        elif self.type:
            where.add("e.kind = 0 AND starts_with(e.name, %s)", self.type)
        where.add_if(self.environment, "e.environment = %s")
        where.add_if(self.text, TEXT)
        return where


@dataclass(frozen=True, slots=True)
class LogLine:
    """One event as ai-experiments' console backend prints it: ``[time] type key``."""

    id: UUID
    received_at: datetime
    occurred_at: datetime
    type: str
    kind: str
    status: str
    keys: list[tuple[str, str]]
    duration_ms: float | None
    error: str
    meaning: str = ""

    @property
    def stamp(self) -> str:
        return iso_stamp(self.occurred_at)

    @property
    def address(self) -> str:
        """Its exact time, for the address of the whole event."""
        return self.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@dataclass(frozen=True, slots=True)
class LogPage:
    lines: list[LogLine]
    next_cursor: str = ""  # older ones; "" at the beginning of the log
    newest: str = ""  # where following the log begins
    is_gap: bool = False  # more arrived than is shown


def list_events(project_id: int, flt: LogFilter, *, cursor: str = "") -> LogPage:
    """Return a page of the log, newest first. Raises CursorError for a cursor of another list."""
    read = _project(project_id)
    position = _read_position(project_id, flt, cursor)
    if position is not None:
        read.add("e.received_at <= %s", position[0])  # what the index understands
        read.add(f"{PLACE} < (%s, %s, %s)", *position)
    return _page(project_id, flt, read)


def follow_events(project_id: int, flt: LogFilter, *, now: datetime) -> LogPage:
    """Return the first page of a log that is followed from here on by :func:`list_news`."""
    settled = find_settled(project_id, now=now)
    read = _project(project_id)
    read.add("e.received_at < %s", settled)
    page = _page(project_id, flt, read)
    return replace(page, newest=_write_position(project_id, flt, (settled, settled, NO_ID)))


def _page(project_id: int, flt: LogFilter, read: Where) -> LogPage:
    rows = _fetch(read, flt, PAGE_ROWS + 1)
    following = _find_following(read, flt, rows)
    return LogPage(
        lines=build_lines(project_id, rows[:PAGE_ROWS]),
        next_cursor=_write_position(project_id, flt, following) if following else "",
    )


def list_news(project_id: int, flt: LogFilter, *, after: str, now: datetime) -> LogPage:
    """Return what arrived after a place of the log, newest first: at most NEWS_ROWS of it. Where
    nothing did for a while the place moves on all the same: what a filter leaves out is not read
    again each time."""
    position = _read_position(project_id, flt, after)
    settled = find_settled(project_id, now=now)
    if position is None or settled <= position[0]:
        return LogPage([], newest=after)
    read = _project(project_id)
    read.add("e.received_at >= %s AND e.received_at < %s", position[0], settled)
    rows = _fetch(read, flt, NEWS_ROWS + 1)
    if not rows and settled - position[0] < QUIET:
        return LogPage([], newest=after)
    return LogPage(
        lines=build_lines(project_id, rows[:NEWS_ROWS]),
        newest=_write_position(project_id, flt, (settled, settled, NO_ID)),
        is_gap=len(rows) > NEWS_ROWS,
    )


def find_settled(project_id: int, *, now: datetime) -> datetime:
    """Return the time before which everything received has been digested."""
    parameters: Any = {  # fetch_one takes what the driver takes: a mapping too
        "now": now,
        "moment": MOMENT,
        "patience": PATIENCE,
        "project_id": project_id,
    }
    found = fetch_one(SETTLED, parameters)
    settled: datetime = found[0] if found else now - MOMENT
    return settled


def _project(project_id: int) -> Where:
    where = Where()
    where.add("e.project_id = %s", project_id)
    return where


def _fetch(read: Where, flt: LogFilter, n: int) -> list[Columns]:
    kept = flt.conditions()
    limit = ROWS_READ if kept.texts else n
    sql = LINES.format(read=read.sql, kept=kept.sql)
    return list(fetch_all(sql, [*read.params, limit, *kept.params, n]))


def _find_following(read: Where, flt: LogFilter, rows: list[Columns]) -> Position | None:
    """Return where the next page begins: after the last row shown, or where reading stopped."""
    if len(rows) > PAGE_ROWS:
        last = rows[PAGE_ROWS - 1]
        return last[0], last[1], last[2]
    if not flt.conditions().texts:
        return None
    found = fetch_one(EDGE.format(read=read.sql), [*read.params, ROWS_READ - 1])
    return (found[0], found[1], found[2]) if found else None


def _write_position(project_id: int, flt: LogFilter, position: Position) -> str:
    received_at, occurred_at, event_id = position
    values = [received_at.isoformat(), occurred_at.isoformat(), str(event_id)]
    return sign_cursor(values, project_id=project_id, filters=flt.name)


def _read_position(project_id: int, flt: LogFilter, cursor: str) -> Position | None:
    if not cursor:
        return None
    found = read_cursor(cursor, project_id=project_id, filters=flt.name)
    if len(found) != 3:
        raise CursorError("The cursor is not one of this list.")
    received_at, occurred_at, event_id = found
    return datetime.fromisoformat(received_at), datetime.fromisoformat(occurred_at), UUID(event_id)


def build_lines(project_id: int, rows: Sequence[Columns]) -> list[LogLine]:
    """Lines, with what their points say: their payloads are read, at most as many as a page has."""
    points = [row for row in rows if row[3] == 0 or _is_score(row)]
    payloads = load_payloads(project_id, [(row[1], row[18] or 0, row[19] or 0) for row in points])
    said = {row[2]: _meaning(row, payload) for row, payload in zip(points, payloads, strict=True)}
    return [_build_line(row, said.get(row[2], "")) for row in rows]


def _is_score(row: Columns) -> bool:
    return bool(row[14] == SCORE and row[11] is None)


def _meaning(row: Columns, payload: Payload) -> str:
    metrics = [(str(name), float(value)) for name, value in json.loads(row[15] or "[]")]
    attributes = payload.attributes or {}
    if not _is_score(row):
        return meaning_of(Said(row[4], attributes, metrics))
    return meaning_of_score(Said(SCORE, attributes, metrics, target=_target(row)[0]))


def _target(row: Columns) -> tuple[str, str]:
    """What a score judges: the narrowest thing that it names."""
    named = (("span", row[16]), ("run", row[8]), ("user", row[17]))
    for kind, name in named:
        if name:
            return kind, name
    if row[9] and row[6].startswith(SESSION_TRACE):
        return "session", row[9]
    return "trace", row[6]


def _build_line(row: Columns, meaning: str) -> LogLine:
    received_at, occurred_at, event_id, kind, name, status = row[:6]
    duration_us, error = row[11], row[13]
    return LogLine(
        id=event_id,
        received_at=received_at,
        occurred_at=occurred_at,
        type=SCORE if _is_score(row) else name if kind == 0 else KIND_NAMES[kind],
        kind=KIND_NAMES[kind],
        status=STATUS_NAMES[status],
        keys=_keys(row),
        duration_ms=None if duration_us is None else duration_us / 1000,
        error=error,
        meaning=meaning,
    )


def _keys(row: Columns) -> list[tuple[str, str]]:
    if _is_score(row):
        target = _target(row)
        made_up = ":" in row[6] or row[6] == row[8]  # traces that hold scores alone, and runs
        further = ("session", row[9]), ("trace", "" if made_up else row[6])
        return [target, *(pair for pair in further if pair[1] and pair != target)]
    return _point_keys(row) if row[3] == 0 else _span_keys(row)


def _span_keys(row: Columns) -> list[tuple[str, str]]:
    found = [("name", row[4]), ("model", row[12]), ("session", row[9]), ("trace", row[6])]
    return [(key, value) for key, value in found if value]


def _point_keys(row: Columns) -> list[tuple[str, str]]:
    trace_id, run_id, session_id = row[6], row[8], row[9]
    arms = json.loads(row[10]) if row[10] else []
    keys = [
        (key, value) for arm in arms for key, value in zip(("exp", "variant"), arm, strict=True)
    ]
    if not arms and trace_id.startswith(EXPERIMENT_TRACE):
        keys.append(("exp", trace_id.removeprefix(EXPERIMENT_TRACE)))
    if run_id:
        keys.append(("run", run_id))
    if session_id:
        keys.append(("session", session_id))
    own = not trace_id.startswith((EXPERIMENT_TRACE, SESSION_TRACE)) and trace_id != run_id
    return keys or ([("trace", trace_id)] if trace_id and own else [])


def iso_stamp(at: datetime) -> str:
    """2026-03-04T09:15:00.000Z, as JavaScript writes times."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03}Z"

"""Event rows: written by COPY, read back into facts.

Writing is the hot path: a row is the values that digest adds, then the event's own fields fetched
by one C call, in the order of the staging table.
"""

import datetime
import uuid
from collections.abc import Iterable, Sequence
from functools import lru_cache
from operator import attrgetter, itemgetter
from typing import Any

import psycopg
from django.db import transaction

from tracking.events import IncomingEvent
from tracking.folding import Fact, Tie
from tracking.staging import (
    PG_EPOCH_US,
    Row,
    Stage,
    copy_into,
    datetime_of,
    pg_json,
    pg_texts,
    pg_time,
    read_json,
    unix_us,
)

OWN_COLUMNS = {
    "duration_us": "int8",
    "ttft_us": "int8",
    "tokens_in": "int8",
    "tokens_out": "int8",
    "tokens_cache_read": "int8",
    "tokens_cache_write": "int8",
    "tokens_reasoning": "int8",
    "cost_reported": "float8",
    "content_rank": "int8",
    "origin": "int8",
    "seen": "int8",
    "ns_rest": "int4",
    "kind": "int2",
    "status": "int2",
    "map_version": "int2",
    "id": "uuid",
    "name": "text",
    "trace_id": "text",
    "span_id": "text",
    "parent_span_id": "text",
    "session_own": "text",
    "user_own": "text",
    "run_id": "text",
    "environment": "text",
    "release": "text",
    "config_key": "text",
    "config_version": "text",
    "prompt_key": "text",
    "prompt_version": "text",
    "provider": "text",
    "model_requested": "text",
    "model": "text",
    "operation": "text",
    "error_type": "text",
    "error": "text",
    "finish_reason": "text",
}
"""Columns whose value is the event's field of the same name."""

ADDED_COLUMNS = {
    "occurred_at": "timestamptz",
    "received_at": "timestamptz",
    "cost_nano": "int8",
    "cost_source": "int2",
    "price_version": "int2",
    "block_id": "int8",
    "block_ix": "int2",
    "arms": "jsonb",
    "metrics": "jsonb",
    "metadata": "jsonb",
    "tags": "text[]",
    "warnings": "text[]",
}
EVENTS = Stage("stage_event", {**ADDED_COLUMNS, **OWN_COLUMNS})

INSERT = (
    f"INSERT INTO tracking_event (project_id, {EVENTS.names}) SELECT %s, {EVENTS.names}"
    " FROM stage_event ORDER BY occurred_at, id ON CONFLICT DO NOTHING"
    " RETURNING timestamptz_send(occurred_at), uuid_send(id)"
)
EventKey = tuple[int, bytes]
"""(occurred_us, id). The id alone is not enough: a span sent again with another start is another
event under the same id."""

_TIE = ["is_tied", "above_key", "above_version", "same_as", "response"]
REPLACE = (
    "UPDATE tracking_event e SET "
    + ", ".join(
        f"{name} = s.{name}"
        for name in EVENTS.columns
        if name not in {"occurred_at", "received_at", "id"}  # received when it first was
    )
    + "".join(f", {name} = NULL" for name in _TIE)  # tied anew, maybe in another trace
    + " FROM stage_event s JOIN unnest(%s::timestamptz[], %s::uuid[]) k (at, id)"
    " ON s.occurred_at = k.at AND s.id = k.id"
    " WHERE e.project_id = %s AND e.occurred_at = s.occurred_at AND e.id = s.id"
)
DELETE = (
    "DELETE FROM tracking_event e USING unnest(%s::timestamptz[], %s::uuid[]) k (at, id)"
    " WHERE e.project_id = %s AND e.occurred_at = k.at AND e.id = k.id"
)
_READ = ["received_at", "occurred_at", *OWN_COLUMNS, "cost_nano", "cost_source", "block_id"]
_READ += ["block_ix", "price_version", "arms", "metrics", "tags", "warnings"]
_READ += _TIE
COLUMNS = ", ".join(f"e.{name}" for name in _READ)
SELECT = f"SELECT {COLUMNS} FROM tracking_event e"
BY_KEY = (
    " JOIN unnest(%s::timestamptz[], %s::uuid[]) k (at, id) ON e.occurred_at = k.at AND e.id = k.id"
    " WHERE e.project_id = %s"
)
TRACES_OF = "SELECT DISTINCT e.trace_id FROM tracking_event e"
FOR_UPDATE = " ORDER BY e.occurred_at, e.id FOR UPDATE OF e"
BY_TRACE = " WHERE e.project_id = %s AND e.trace_id = ANY (%s)"

COPIED = {**EVENTS.columns, "project_id": "int8"}
# Projects whose last batch held events that were stored already, as this process remembers.
_repeating: set[int] = set()

# In the order in which other processes store theirs: none waits for two in a circle.
_key_of = itemgetter(*(list(EVENTS.columns).index(name) for name in ("occurred_at", "id")))
_own = attrgetter(*OWN_COLUMNS)
_texts = lru_cache(4096)(pg_texts)
_pairs = lru_cache(4096)(pg_json)


def insert_events(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    received_us: Sequence[int],
    facts: Sequence[Fact],
    *,
    has_stored: bool = False,
) -> set[EventKey]:
    """Store the facts and return the keys that were new. The others are there already.

    Most events come once: they are copied straight into the table, which costs less. In a project
    that sends again they go through a stage, until a whole batch was new; so they do where the
    caller knows that some are stored (``has_stored``), which says nothing of the others.
    """
    rows = sorted(map(_row, facts, received_us), key=_key_of)
    if not has_stored and project_id not in _repeating and _copy(cursor, project_id, rows):
        return {fact.event_key for fact in facts}
    EVENTS.fill(cursor, rows)
    cursor.execute(INSERT, (project_id,))
    new = {(int.from_bytes(at, signed=True) + PG_EPOCH_US, identity) for at, identity in cursor}
    if not has_stored:
        (_repeating.discard if len(new) == len(rows) else _repeating.add)(project_id)
    return new


def _copy(cursor: psycopg.Cursor[Any], project_id: int, rows: Sequence[Row]) -> bool:
    """Copy the rows, all or none: False where one of them is there already."""
    try:
        with transaction.atomic():
            whole = ((*row, project_id) for row in rows)
            copy_into(cursor, "tracking_event", COPIED, whole)
    except psycopg.errors.UniqueViolation:
        return False
    return True


def replace_events(cursor: psycopg.Cursor[Any], project_id: int, keys: Sequence[EventKey]) -> None:
    """Overwrite stored events by what :func:`insert_events` staged for them."""
    cursor.execute(REPLACE, (*_key_arrays(keys), project_id))


def _row(fact: Fact, received_us: int) -> tuple[Any, ...]:
    event = fact.event
    return (
        pg_time(event.occurred_us),
        pg_time(received_us),
        fact.cost_nano,
        fact.cost_source,
        fact.price_stamp,
        fact.block_id,
        fact.block_ix,
        _pairs(event.arms) if event.arms else None,
        pg_json(event.metrics) if event.metrics else None,
        b"\x01" + event.metadata.encode() if event.metadata else None,
        _texts(event.tags) if event.tags else None,
        _texts(event.warnings) if event.warnings else None,
        *_own(event),
    )


def load_facts(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    keys: Sequence[EventKey],
    *,
    lock: bool = False,
) -> list[Fact]:
    """Facts by (occurred_us, id); locked in order of key if asked."""
    if not keys:
        return []
    times, ids = _key_arrays(keys)
    query = SELECT + BY_KEY + (FOR_UPDATE if lock else "")
    cursor.execute(query, (times, ids, project_id))
    return [fact_of_row(row) for row in cursor]


def find_traces(cursor: psycopg.Cursor[Any], project_id: int, keys: Sequence[EventKey]) -> set[str]:
    """The traces that stored events belong to."""
    rows = cursor.execute(TRACES_OF + BY_KEY, (*_key_arrays(keys), project_id))
    return {trace_id for (trace_id,) in rows if trace_id}


def delete_events(cursor: psycopg.Cursor[Any], project_id: int, keys: Sequence[EventKey]) -> None:
    if keys:
        cursor.execute(DELETE, (*_key_arrays(keys), project_id))


def _key_arrays(keys: Sequence[EventKey]) -> tuple[list[datetime.datetime], list[uuid.UUID]]:
    times = [datetime_of(us) for us, _ in keys]
    return times, [uuid.UUID(bytes=identity) for _, identity in keys]


REPRICE = (
    "UPDATE tracking_event e SET cost_nano = k.cost, cost_source = k.source, price_version = %s"
    " FROM unnest(%s::timestamptz[], %s::uuid[], %s::int8[], %s::int2[]) k (at, id, cost, source)"
    " WHERE e.project_id = %s AND e.occurred_at = k.at AND e.id = k.id"
)


def save_prices(
    cursor: psycopg.Cursor[Any], project_id: int, facts: Sequence[Fact], *, stamp: int
) -> None:
    """Write what these stored events cost by the prices of a stamp."""
    if facts:
        keys = _key_arrays([fact.event_key for fact in facts])
        costs = [fact.cost_nano for fact in facts]
        sources = [fact.cost_source for fact in facts]
        cursor.execute(REPRICE, (stamp, *keys, costs, sources, project_id))


def load_trace_facts(
    cursor: psycopg.Cursor[Any], project_id: int, trace_ids: list[str]
) -> Iterable[Fact]:
    """Every stored event of the traces."""
    cursor.execute(SELECT + BY_TRACE, (project_id, trace_ids))
    return [fact_of_row(row) for row in cursor]


def fact_of_row(row: tuple[Any, ...]) -> Fact:
    """A stored event, without payload and metadata: no sum depends on them."""
    n = 2 + len(OWN_COLUMNS)
    own = dict(zip(OWN_COLUMNS, row[2:n], strict=True))
    own["id"] = own["id"].bytes
    cost_nano, cost_source, block_id, block_ix, stamp, arms, metrics, tags, warnings = row[n:-5]
    event = IncomingEvent(
        occurred_us=unix_us(row[1]) or 0,
        arms=tuple((experiment, variant) for experiment, variant in read_json(arms) or ()),
        metrics=tuple((name, value) for name, value in read_json(metrics) or ()),
        tags=tuple(tags or ()),
        warnings=tuple(warnings or ()),
        **own,
    )
    return Fact(event, cost_nano, cost_source, block_id, block_ix, stamp, _tie_of_row(*row[-5:]))


def _tie_of_row(
    is_tied: bool | None,
    above_key: str | None,
    above_version: str | None,
    same_as: uuid.UUID | None,
    response: int | None,
) -> Tie | None:
    if not is_tied:
        return None
    return Tie(
        above_key or "", above_version or "", same_as.bytes if same_as else b"", response or 0
    )

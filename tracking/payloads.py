"""Payload blocks in the database: written with their events, read for the few spans on a page."""

import datetime
from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from tracking.blocks import Block, blank, unpack
from tracking.events import EMPTY_PAYLOAD, Payload
from tracking.folding import Fact
from tracking.partitions import week_of
from tracking.staging import copy_into, datetime_of, open_cursor, pg_time, unix_us

COLUMNS = {"project_id": "int8", "week": "timestamptz", "block_id": "int8", "body": "bytea"}
LOAD = (
    "SELECT p.week, p.block_id, p.body FROM tracking_payload p"
    " JOIN unnest(%s::timestamptz[], %s::bigint[]) k (week, block_id)"
    " ON p.week = k.week AND p.block_id = k.block_id WHERE p.project_id = %s"
    " AND p.week >= %s AND p.week <= %s"
)

NOTE_STALE = (
    "INSERT INTO tracking_staleslot (project_id, week, block_id, block_ix)"
    " SELECT %s, * FROM unnest(%s::timestamptz[], %s::bigint[], %s::smallint[]) s (w, b, i)"
    " ORDER BY w, b, i ON CONFLICT DO NOTHING"
)
STALE = (
    "SELECT week, block_id, array_agg(block_ix) FROM tracking_staleslot WHERE project_id = %s"
    " GROUP BY week, block_id ORDER BY week, block_id LIMIT %s"
)
_ONE_BLOCK = " WHERE project_id = %s AND week = %s AND block_id = %s"
LOCK_BLOCK = f"SELECT body FROM tracking_payload{_ONE_BLOCK} FOR UPDATE"
REWRITE_BLOCK = f"UPDATE tracking_payload SET body = %s{_ONE_BLOCK}"
DELETE_BLOCK = f"DELETE FROM tracking_payload{_ONE_BLOCK}"
FORGET_STALE = f"DELETE FROM tracking_staleslot{_ONE_BLOCK} AND block_ix = ANY (%s)"

Slot = tuple[int, int]
"""(block_id, block_ix)."""

Place = tuple[datetime.datetime, int, int]
"""(occurred_at, block_id, block_ix) of an event."""


def save_blocks(cursor: psycopg.Cursor[Any], project_id: int, blocks: Sequence[Block]) -> None:
    if blocks:
        rows = [(project_id, pg_time(block.week), block.id, block.body) for block in blocks]
        copy_into(cursor, "tracking_payload", COLUMNS, rows)


def slots_of(facts: Iterable[Fact]) -> set[Slot]:
    return {(fact.block_id, fact.block_ix) for fact in facts}


def save_used_blocks(
    cursor: psycopg.Cursor[Any], project_id: int, blocks: Sequence[Block], used: set[Slot]
) -> None:
    """Save the blocks that stored events refer to. What else they hold (of items that were
    duplicates, or refused) is emptied: nobody could find it to erase it."""
    needed = {block_id for block_id, _ in used}
    saved = [block for block in blocks if block.id in needed]
    for block in saved:
        unused = [ix for ix in range(len(block.members)) if (block.id, ix) not in used]
        if unused:
            block.body = blank(block.body, unused) or block.body
    save_blocks(cursor, project_id, saved)


def note_stale(cursor: psycopg.Cursor[Any], project_id: int, facts: Iterable[Fact]) -> None:
    """Remember the payloads of events that were replaced or deleted, to be emptied soon."""
    slots = sorted(
        {
            (week_of(fact.event.occurred_us), fact.block_id, fact.block_ix)
            for fact in facts
            if fact.block_id
        }
    )
    if slots:
        weeks, blocks, places = zip(*slots, strict=True)
        values = (list(map(datetime_of, weeks)), list(blocks), list(places))
        cursor.execute(NOTE_STALE, (project_id, *values))


def empty_stale_slots(cursor: psycopg.Cursor[Any], project_id: int, *, limit: int) -> int:
    """Empty the payloads of some blocks that no event refers to; return how many blocks."""
    rows = cursor.execute(STALE, (project_id, limit)).fetchall()
    for week, block_id, places in rows:
        cursor.execute(LOCK_BLOCK, (project_id, week, block_id))
        found = cursor.fetchone()
        if found is not None:
            body = blank(bytes(found[0]), places)
            values = (project_id, week, block_id)
            if body is None:
                cursor.execute(DELETE_BLOCK, values)
            else:
                cursor.execute(REWRITE_BLOCK, (body, *values))
        cursor.execute(FORGET_STALE, (project_id, week, block_id, places))
    return len(rows)


def load_payloads(project_id: int, places: Sequence[Place]) -> list[Payload]:
    """The payloads at these places, in order; the empty one where an event has none."""
    wanted: dict[tuple[datetime.datetime, int], set[int]] = {}
    for occurred_at, block_id, ix in places:
        if block_id:
            wanted.setdefault((_week(occurred_at), block_id), set()).add(ix)
    found: dict[tuple[int, int], Payload] = {}
    if wanted:
        weeks, block_ids = map(list, zip(*wanted, strict=True))
        with open_cursor() as cursor:
            values = (weeks, block_ids, project_id, min(weeks), max(weeks))
            cursor.execute(LOAD, values, binary=True)
            for week, block_id, body in cursor:
                members = unpack(body, wanted[week, block_id])
                found |= {(block_id, ix): payload for ix, payload in members.items()}
    return [found.get((block_id, ix), EMPTY_PAYLOAD) for _, block_id, ix in places]


def _week(occurred_at: datetime.datetime) -> datetime.datetime:
    return datetime_of(week_of(unix_us(occurred_at) or 0))

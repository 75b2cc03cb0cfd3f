"""Payload blocks in the database: written with their events, read for the few spans on a page."""

import datetime
from collections.abc import Sequence
from typing import Any

import psycopg

from tracking.blocks import Block, unpack
from tracking.events import EMPTY_PAYLOAD, Payload
from tracking.partitions import week_of
from tracking.staging import copy_into, datetime_of, open_cursor, pg_time, unix_us

COLUMNS = {"project_id": "int8", "week": "timestamptz", "block_id": "int8", "body": "bytea"}
LOAD = (
    "SELECT p.week, p.block_id, p.body FROM tracking_payload p"
    " JOIN unnest(%s::timestamptz[], %s::bigint[]) k (week, block_id)"
    " ON p.week = k.week AND p.block_id = k.block_id WHERE p.project_id = %s"
    " AND p.week >= %s AND p.week <= %s"
)

Place = tuple[datetime.datetime, int, int]
"""(occurred_at, block_id, block_ix) of an event."""


def save_blocks(cursor: psycopg.Cursor[Any], project_id: int, blocks: Sequence[Block]) -> None:
    if blocks:
        rows = [(project_id, pg_time(block.week), block.id, block.body) for block in blocks]
        copy_into(cursor, "tracking_payload", COLUMNS, rows)


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
            cursor.execute(LOAD, (weeks, block_ids, project_id, min(weeks), max(weeks)))
            for week, block_id, body in cursor:
                members = unpack(body, wanted[week, block_id])
                found |= {(block_id, ix): payload for ix, payload in members.items()}
    return [found.get((block_id, ix), EMPTY_PAYLOAD) for _, block_id, ix in places]


def _week(occurred_at: datetime.datetime) -> datetime.datetime:
    return datetime_of(week_of(unix_us(occurred_at) or 0))

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
    "SELECT p.block_id, p.body FROM tracking_payload p"
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
    wanted = {block_id: _week(occurred_at) for occurred_at, block_id, _ in places if block_id}
    if not wanted:
        return [EMPTY_PAYLOAD] * len(places)
    weeks = list(wanted.values())
    with open_cursor() as cursor:
        cursor.execute(LOAD, (weeks, list(wanted), project_id, min(weeks), max(weeks)))
        blocks = {block_id: unpack(body) for block_id, body in cursor}
    return [
        blocks[block_id][ix] if block_id in blocks else EMPTY_PAYLOAD for _, block_id, ix in places
    ]


def _week(occurred_at: datetime.datetime) -> datetime.datetime:
    return datetime_of(week_of(unix_us(occurred_at) or 0))

"""What a project lets in and keeps: capture, masks, its retention horizon, tombstones.

Whoever stores events holds the rules: a change of them (a horizon that moves, a tombstone) waits
for those at work and is known to all who come after. The locks are advisory ones, since Python
thinks while they are held.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from xxhash import xxh64_intdigest

from tracking.mask_settings import masker_of, read_settings
from tracking.masking import Masker
from tracking.staging import read_json, unix_us

HOLD = "SELECT pg_advisory_lock_shared(%s)"
LET_GO = "SELECT pg_advisory_unlock_shared(%s)"
HOLD_TO_THE_END = "SELECT pg_advisory_xact_lock_shared(%s)"
CHANGE = "SELECT pg_advisory_xact_lock(%s)"
READ = (
    "SELECT capture_content, masking, events_from,"
    " EXISTS (SELECT FROM tracking_erasedsubject s WHERE s.project_id = p.id)"
    " FROM core_project p WHERE p.id = %s"
)


class Rules(msgspec.Struct, frozen=True):
    capture_content: bool = True
    masker: Masker | None = None
    horizon_us: int = 0  # what is older was deleted, and is refused
    has_erased: bool = False

    @property
    def lets_all_in(self) -> bool:
        return (
            self.capture_content
            and self.masker is None
            and not self.horizon_us
            and not self.has_erased
        )


@contextmanager
def held_rules(cursor: psycopg.Cursor[Any], project_id: int) -> Iterator[Rules]:
    """The rules, which do not change meanwhile."""
    lock = (_lock_of(project_id),)
    cursor.execute(HOLD, lock)
    try:
        yield read_rules(cursor, project_id)
    finally:
        if can_let_go(cursor):
            cursor.execute(LET_GO, lock)


def can_let_go(cursor: psycopg.Cursor[Any]) -> bool:
    """Whether locks of the session can be given back: not once it ended, nor while the transaction
    around (a test's) is broken, whose end lets go of nothing, but says so."""
    status = cursor.connection.info.transaction_status
    return not cursor.connection.closed and status != psycopg.pq.TransactionStatus.INERROR


def read_rules(cursor: psycopg.Cursor[Any], project_id: int) -> Rules:
    row = cursor.execute(READ, (project_id,)).fetchone()
    if row is None:
        return Rules()
    capture_content, masking, events_from, has_erased = row
    masker = masker_of(read_settings(read_json(masking) or {}))
    return Rules(capture_content, masker, unix_us(events_from) or 0, has_erased)


def hold_rules(cursor: psycopg.Cursor[Any], project_id: int) -> None:
    """Let no rule of the project change until this transaction ends."""
    cursor.execute(HOLD_TO_THE_END, (_lock_of(project_id),))


def hold_horizon(cursor: psycopg.Cursor[Any], project_id: int) -> int:
    """The retention horizon, in microseconds since 1970, which stays until this transaction ends;
    0 when nothing was ever deleted."""
    hold_rules(cursor, project_id)
    return read_rules(cursor, project_id).horizon_us


def change_rules(cursor: psycopg.Cursor[Any], project_id: int) -> None:
    """Wait for those who hold the rules; until this transaction ends nobody else does."""
    cursor.execute(CHANGE, (_lock_of(project_id),))


def _lock_of(project_id: int) -> int:
    return xxh64_intdigest(b"rules\0%d" % project_id) - 2**63

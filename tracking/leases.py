"""Work claimed from the inbox: leased for a minute, given back or deleted under the same lease.

A worker that dies loses its lease with its connection; one that hangs lets it run out. What failed
waits longer each time, so that trouble of the database has minutes to pass. A batch that made
workers die or fail is digested alone from its fourth attempt on, and goes to quarantine unread at
its sixth.
"""

import datetime
import logging
import time
import uuid
from typing import Any

import msgspec
import psycopg
from django.db import Error, connection, transaction

from tracking.adapters import ADAPTERS
from tracking.cleaning import clean_text
from tracking.staging import open_cursor, read_json

LEASE = datetime.timedelta(seconds=60)
MAX_ITEMS = 2_500
MAX_BYTES = 16 * 1024 * 1024
MAX_ROWS = 200
ALONE_FROM = 4
QUARANTINE_FROM = 6
# How often, and after how many seconds, a worker tries to give back while the database is away.
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0)

logger = logging.getLogger(__name__)

# A lease names the server process of its worker's connection: once that is gone, so is the worker.
BACKENDS = (
    "SELECT pid || '/' || backend_start FROM pg_stat_activity WHERE backend_start IS NOT NULL"
)
_WAITING = f"(lease_until < %s OR (lease_owner <> '' AND lease_owner NOT IN ({BACKENDS})))"
_CANDIDATES = "SELECT id, project_id, n_items, n_bytes, attempts FROM tracking_inboxbatch WHERE "
_OLDEST = " ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED"
CANDIDATES = f"{_CANDIDATES}{_WAITING}{_OLDEST}"
FURTHER = f"{_CANDIDATES}project_id = ANY (%s) AND id > %s AND {_WAITING}{_OLDEST}"
TAKE = (
    "UPDATE tracking_inboxbatch SET lease = %s, lease_until = %s, attempts = attempts + 1,"
    f" lease_owner = ({BACKENDS} AND pid = pg_backend_pid())"
    " WHERE id = ANY (%s) RETURNING id, project_id, format, encoding, body, headers::text, n_items,"
    " horizon_us, received_at, attempts, last_error"
)
GIVE_BACK = (
    "UPDATE tracking_inboxbatch SET last_error = %s, lease_owner = '',"
    " lease_until = %s::timestamptz + least(power(4, attempts - 1), 300) * interval '1 second'"
    " WHERE id = ANY (%s) AND lease = %s"
)
FINISH = "DELETE FROM tracking_inboxbatch WHERE id = ANY (%s) AND lease = %s"


Candidate = tuple[int, int, int, int, int]
"""(id, project_id, n_items, n_bytes, attempts) of a batch that waits."""


class LeaseLostError(RuntimeError):
    """The lease ran out and another worker has the batch: nothing of this one may be committed."""


class Batch(msgspec.Struct, frozen=True):
    """An inbox row."""

    id: int
    project_id: int
    format: str
    encoding: str
    body: bytes
    headers: dict[str, str]
    n_items: int
    horizon_us: int
    received_at: datetime.datetime
    attempts: int
    last_error: str


class Lease(msgspec.Struct, frozen=True):
    id: uuid.UUID
    batches: list[Batch]
    more: bool  # whether other workers would find something to do

    def groups(self) -> dict[tuple[int, bool], list[Batch]]:
        """What is digested together: batches of one project, those that make documents apart.

        Documents and plain events lock their traces in two rounds, which could deadlock.
        """
        groups: dict[tuple[int, bool], list[Batch]] = {}
        for batch in self.batches:
            adapter = ADAPTERS.get(batch.format)
            apart = adapter is not None and adapter.makes_documents
            groups.setdefault((batch.project_id, apart), []).append(batch)
        return groups


def claim(now: datetime.datetime) -> Lease | None:
    """Lease the oldest waiting batches, up to a few thousand items; None when nothing waits."""
    with transaction.atomic(), open_cursor() as cursor:
        candidates = cursor.execute(CANDIDATES, (now, MAX_ROWS)).fetchall()
        chosen = _choose(candidates)
        if not chosen:
            return None
        if len(candidates) == MAX_ROWS:
            candidates += _find_further(cursor, candidates, chosen, now)
            chosen = _choose(candidates)
        lease = uuid.uuid4()
        # Binary: bodies come as they are, not as hex.
        rows = cursor.execute(TAKE, (lease, now + LEASE, chosen), binary=True).fetchall()
    batches = [_batch(row) for row in sorted(rows)]
    return Lease(lease, batches, more=len(candidates) > len(chosen))


def _find_further(
    cursor: psycopg.Cursor[Any],
    candidates: list[Candidate],
    chosen: list[int],
    now: datetime.datetime,
) -> list[Candidate]:
    """What else waits of the chosen projects, behind others: the longer the queue, the fewer
    transactions it takes."""
    wanted = set(chosen)
    projects = {project_id for batch_id, project_id, *_ in candidates if batch_id in wanted}
    if len(projects) == 1:
        return []
    last = candidates[-1][0]
    return cursor.execute(FURTHER, (list(projects), last, now, MAX_ROWS)).fetchall()


def _choose(candidates: list[Candidate]) -> list[int]:
    """The ids of a lease's worth. What waits of one project is taken together, and first that of
    which something waits longest: a transaction a project costs as much as a hundred spans."""
    chosen: list[int] = []
    items = size = 0
    oldest: dict[int, int] = {}
    for batch_id, project_id, *_ in candidates:
        oldest.setdefault(project_id, batch_id)
    for batch_id, _, n_items, n_bytes, attempts in sorted(candidates, key=lambda c: oldest[c[1]]):
        alone = attempts + 1 >= ALONE_FROM
        full = items + n_items > MAX_ITEMS or size + n_bytes > MAX_BYTES
        if chosen and (alone or full):
            break
        chosen.append(batch_id)
        items, size = items + n_items, size + n_bytes
        if alone:
            break
    return chosen


def _batch(row: tuple[Any, ...]) -> Batch:
    identity, project_id, kind, encoding, body, headers, *rest = row
    return Batch(identity, project_id, kind, encoding, bytes(body), read_json(headers), *rest)


def give_back(lease: Lease, batches: list[Batch], *, error: str, now: datetime.datetime) -> None:
    """Let batches wait again, a second to five minutes; the error is kept for whoever looks."""
    with transaction.atomic(), open_cursor() as cursor:
        reason = clean_text(error[:500])
        cursor.execute(GIVE_BACK, (reason, now, [b.id for b in batches], lease.id))


def let_go(lease: Lease, batches: list[Batch], *, error: str, now: datetime.datetime) -> None:
    """Give back through a restart of the database; else the lease's minute would have to pass."""
    for pause in PAUSES:
        time.sleep(pause)
        try:
            if connection.connection is not None and connection.connection.closed:
                connection.close()
            return give_back(lease, batches, error=error, now=now)
        except (Error, psycopg.Error) as trouble:
            logger.warning("%s batches could not be given back: %s", len(batches), trouble)
    return None


def finish(cursor: psycopg.Cursor[Any], lease_id: uuid.UUID, batches: list[Batch]) -> None:
    """Delete digested batches, in the transaction that stored their events."""
    cursor.execute(FINISH, ([batch.id for batch in batches], lease_id))
    if cursor.rowcount != len(batches):
        raise LeaseLostError(f"{len(batches) - cursor.rowcount} batches were leased again")

"""Parts of documents handed on to a later digest: scores that events carry, and parts put off.

The inbox row is written in the transaction that digests what brought them: they are known together,
or not at all. Its items are those that the ledger has not counted.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import psycopg

from tracking.adapters.handed_on import write
from tracking.events import PARTS_FORMAT, Part
from tracking.staging import datetime_of

AT_ONCE = 2_000  # parts of one row
LONGEST_WAIT = datetime.timedelta(minutes=1)  # longer than a reader of the log waits for one
INSERT = (
    "INSERT INTO tracking_inboxbatch (project_id, format, encoding, body, headers, n_items,"
    " n_bytes, horizon_us, received_at, lease_until, attempts, last_error)"
    " VALUES (%s, %s, '', %s, '{}', %s, %s, 0, %s, %s, 0, '')"
)


def hand_on(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    parts: Sequence[Part],
    *,
    due: datetime.datetime,
) -> None:
    """Put parts into the inbox, in the caller's transaction, to be digested from ``due`` on. They
    keep their time of receipt: who follows the log does not pass them by. Their row has it unless
    that was long ago, and history is read again: nobody has been waiting since then."""
    for first in range(0, len(parts), AT_ONCE):
        some = parts[first : first + AT_ONCE]
        body = write(some)
        first_at = datetime_of(min(part.received_us for part in some))
        received_at = max(first_at, due - LONGEST_WAIT)
        n_items = sum(part.is_counted for part in some)
        values = (project_id, PARTS_FORMAT, body, n_items, len(body), received_at, due)
        cursor.execute(INSERT, values)

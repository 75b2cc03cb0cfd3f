"""What events carry beside themselves, handed on to a later digest: their evaluations, as scores.

The inbox row is written in the transaction that stores the events: they are known together, or not
at all. It holds no items of the ledger, which counted the events.
"""

import datetime
from collections.abc import Sequence
from typing import Any

import psycopg

from tracking.adapters.handed_on import write
from tracking.events import PARTS_FORMAT, Part
from tracking.staging import datetime_of

AT_ONCE = 2_000  # parts of one row
INSERT = (
    "INSERT INTO tracking_inboxbatch (project_id, format, encoding, body, headers, n_items,"
    " n_bytes, horizon_us, received_at, lease_until, attempts, last_error)"
    " VALUES (%s, %s, '', %s, '{}', 0, %s, 0, %s, %s, 0, '')"
)


def hand_on(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    parts: Sequence[Part],
    *,
    now: datetime.datetime,
) -> None:
    """Put parts into the inbox, in the caller's transaction. They were received when their events
    were: who follows the log does not pass them by."""
    for first in range(0, len(parts), AT_ONCE):
        some = parts[first : first + AT_ONCE]
        body = write(some)
        received_at = datetime_of(min(part.received_us for part in some))
        cursor.execute(INSERT, (project_id, PARTS_FORMAT, body, len(body), received_at, now))

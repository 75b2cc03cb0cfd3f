"""Migrations beside a running release: no statement queues others behind a lock it waits for.

PostgreSQL lets nobody pass who asks for a table after a migration did, though the migration itself
still waits for a reader. So it waits for two seconds, lets those behind it go on, and tries again
from the migration that did not get its lock: each is a transaction of its own.
"""

import time
from collections.abc import Callable

from django.db import OperationalError, connection
from psycopg.errors import LockNotAvailable

LOCK_SECONDS = 2
PAUSE_SECONDS = 1.0
TRIES = 100


def migrate_patiently(
    migrate: Callable[[], object], *, tries: int = TRIES, pause: float = PAUSE_SECONDS
) -> None:
    """Run ``migrate`` until it gets its locks. Raises OperationalError when no try did."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [f"{LOCK_SECONDS}s"])
    try:
        for left in reversed(range(tries)):
            try:
                migrate()
            except OperationalError as error:
                if not left or not isinstance(error.__cause__, LockNotAvailable):
                    raise
                time.sleep(pause)
            else:
                return
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', '0', false)")

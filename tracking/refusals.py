"""Refused requests in the ledger: gathered in memory and written once in a few seconds, so that a
client which keeps trying costs the database next to nothing."""

import logging
import threading
import time
from collections import Counter

from django.db import Error, connection

from tracking.counters import Fate, FateCounts
from tracking.staging import open_cursor

PAUSE = 3.0
MOST_KEYS = 1_000  # gathered at a time; what is beyond is not counted

_lock = threading.Lock()
_gathered: Counter[tuple[int, str, int, int]] = Counter()
_timer: threading.Timer | None = None

logger = logging.getLogger(__name__)


def count_refusal(project_id: int, prefix: str, status: int) -> None:
    global _timer
    hour = int(time.time()) // 3600
    with _lock:
        entry = (project_id, prefix, status, hour)
        if len(_gathered) < MOST_KEYS or entry in _gathered:
            _gathered[entry] += 1
        if _timer is None:
            _timer = threading.Timer(PAUSE, _write_later)
            _timer.daemon = True
            _timer.start()


def _write_later() -> None:
    try:
        write_refusals()
    except Error as error:
        logger.warning("Refused requests could not be counted: %s", error)
    finally:
        connection.close()  # the timer's thread has one of its own


def write_refusals() -> None:
    """Add what was gathered to the ledger."""
    global _timer
    with _lock:
        found, _timer = dict(_gathered), None
        _gathered.clear()
    projects: dict[int, FateCounts] = {}
    for (project_id, prefix, status, hour), n in found.items():
        counts = projects.setdefault(project_id, FateCounts())
        counts.count(Fate.REFUSED, hour * 3_600_000_000, detail=f"{prefix} {status}", n=n)
    with open_cursor() as cursor:
        for project_id, counts in projects.items():
            counts.save(cursor, project_id)

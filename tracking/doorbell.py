"""Waking workers: rung from a thread of its own, at most five times a second a process.

A bell nobody answered yet is not rung again for five seconds, so a broker holds a handful of
messages however long the workers are busy. A lost bell costs only time: a sweep looks every few
seconds anyway.
"""

import logging
import threading
from collections.abc import Callable

from django.db import Error, close_old_connections, connection
from kombu.exceptions import OperationalError as BrokerError

PAUSE = 0.2
PATIENCE = "5 seconds"

RING = (
    "INSERT INTO tracking_doorbell AS d (queue, rung_at, answered_at)"
    " VALUES (%s, clock_timestamp(), '-infinity')"
    " ON CONFLICT (queue) DO UPDATE SET rung_at = clock_timestamp()"
    f" WHERE d.rung_at <= d.answered_at OR d.rung_at < clock_timestamp() - interval '{PATIENCE}'"
    " RETURNING 1"
)
ANSWER = "UPDATE tracking_doorbell SET answered_at = clock_timestamp() WHERE queue = %s"

logger = logging.getLogger(__name__)
_wanted = threading.Event()
_lock = threading.Lock()
_thread: threading.Thread | None = None
_calls: dict[str, Callable[[], object]] = {}


def register(queue: str, call: Callable[[], object]) -> None:
    """Say what calls the workers of a queue (tasks are imported after this module)."""
    _calls[queue] = call


def unregister(queue: str) -> None:
    """Leave the queue to the sweep: nobody is called any more."""
    _calls.pop(queue, None)


def ring(queue: str) -> None:
    """Ask for the workers of the queue, without waiting for the broker or the database."""
    if queue in _calls:
        _start()
        _wanted.set()


def ring_now(queue: str) -> bool:
    """Ring in this thread and tell whether the bell was heard, or was ringing already."""
    if queue not in _calls:
        return False
    with connection.cursor() as cursor:
        cursor.execute(RING, [queue])
        if cursor.fetchone() is None:
            return False
    _calls[queue]()
    return True


def answer(queue: str) -> None:
    """Say that a worker is up. Call before looking for work: what comes later rings again."""
    with connection.cursor() as cursor:
        cursor.execute(ANSWER, [queue])


def _start() -> None:
    global _thread
    if _thread is None or not _thread.is_alive():
        with _lock:
            if _thread is None or not _thread.is_alive():
                _thread = threading.Thread(target=_ringing, name="doorbell", daemon=True)
                _thread.start()


def _ringing() -> None:
    pause = threading.Event()
    while _wanted.wait():
        _wanted.clear()
        try:
            ring_now("digest")
        except (Error, BrokerError, OSError) as error:
            logger.warning("The doorbell could not ring: %s", error)
            close_old_connections()
        pause.wait(PAUSE)

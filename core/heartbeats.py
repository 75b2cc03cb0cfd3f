"""Workers and the scheduler say that they live; /readyz reads it."""

import logging
import os
import threading
import time
from typing import Any

from celery import beat
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from core.models import Heartbeat

BEAT_SECONDS = 5.0
STALE_SECONDS = 20.0

logger = logging.getLogger(__name__)


def write_heartbeat(name: str) -> None:
    """One row a name. Never raises for a database that is away: the next beat tells."""
    try:
        Heartbeat.objects.bulk_create(
            [Heartbeat(name=name, at=timezone.now(), pid=os.getpid())],
            update_conflicts=True,
            unique_fields=["name"],
            update_fields=["at", "pid"],
        )
    except (DatabaseError, InterfaceError) as error:
        logger.warning("heartbeat of %s not written: %s", name, error)


def beat_in_background(name: str) -> None:
    """From a thread: the main one may be busy, and hung children are the pool's own affair."""

    def run() -> None:
        while True:
            close_old_connections()
            write_heartbeat(name)
            time.sleep(BEAT_SECONDS)

    threading.Thread(target=run, name="heartbeat", daemon=True).start()


class Scheduler(beat.Scheduler):  # type: ignore[misc] # celery has no types
    """Celery's plain scheduler: in memory, since nothing here depends on a remembered tick."""

    last_beat = 0.0

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if time.monotonic() - self.last_beat >= BEAT_SECONDS:
            self.last_beat = time.monotonic()
            close_old_connections()
            write_heartbeat("beat")
        wait: float = super().tick(*args, **kwargs)
        return min(wait, BEAT_SECONDS)

"""Doors for Celery: each calls one function. Work is kept in PostgreSQL, never in a message."""

from typing import Any

from billiard import current_process
from celery import signals
from django.utils import timezone

from core.celery import app, is_stopping
from core.memory import give_back, paused_collector
from tracking import doorbell, erasure
from tracking.draining import QUEUE, drain
from tracking.partitions import ensure_ahead
from tracking.pricing import load_prices
from tracking.retention import start_retention
from tracking.session_texts import refresh_due_sessions

BURST = 5_000  # items; a smaller drain leaves nothing worth the time
LONGEST_REFRESH = 5.0  # seconds; then other tasks of that worker get their turn


@signals.worker_init.connect  # type: ignore[untyped-decorator]
def load_before_forking(sender: Any, **_: Any) -> None:  # Any: Celery has no types
    if str(sender.hostname).startswith(QUEUE):
        load_prices()


@app.task(name="tracking.tasks.digest_task", ignore_result=True)  # type: ignore[untyped-decorator]
def digest_task() -> None:
    slot = getattr(current_process(), "index", 0) or 0
    with paused_collector():
        n_items = drain(slot=slot, stop=is_stopping)
    if n_items > BURST:
        give_back()


@app.task(name="tracking.tasks.refresh_task", ignore_result=True)  # type: ignore[untyped-decorator]
def refresh_task() -> None:
    refresh_due_sessions(now=timezone.now(), seconds=LONGEST_REFRESH, stop=is_stopping)


@app.task(name="tracking.tasks.partitions_task", ignore_result=True)  # type: ignore[untyped-decorator]
def partitions_task() -> None:
    ensure_ahead(timezone.now())


@app.task(name="tracking.tasks.retention_task", ignore_result=True)  # type: ignore[untyped-decorator]
def retention_task() -> None:
    start_retention()
    erasure.start_sweeps()


def call_digest() -> None:
    """Send a bell: one message, no result, no retry."""
    digest_task.apply_async(queue=QUEUE, expires=60, retry=False)


doorbell.register(QUEUE, call_digest)

"""Celery: doorbells and slow jobs. Work itself lives in PostgreSQL, so any message may be lost."""

import logging.config
import mmap
import os
import warnings
from signal import SIGTERM
from typing import Any

from celery import Celery, signals
from celery.exceptions import SecurityWarning
from celery.schedules import crontab
from django.conf import settings
from django.db import close_old_connections, connection

from core.broker import use_files
from core.embedded.processes import die_with_parent
from core.logs import logging_config
from core.memory import freeze_loaded, give_back, resident_kb
from core.scheduling import add_scheduler_option

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

EVERY_HOUR = 3600.0


def _ticks(
    task: str, queue: str, schedule: float | crontab, *, expires: float | None = None
) -> dict[str, Any]:
    """An entry of Celery's schedule: seconds, or by the clock. A tick that waited longer than the
    next one is worth nothing."""
    options = {"queue": queue, "expires": expires or schedule}
    return {"task": task, "schedule": schedule, "options": options}


BEAT = {
    "sweep": _ticks("tracking.tasks.digest_task", "digest", 3.0),
    "session-texts": _ticks("tracking.tasks.refresh_task", "analysis", 2.0),
    "experiments": _ticks("experiments.tasks.analyse_task", "analysis", 15.0),
    "jobs": _ticks("core.tasks.jobs_task", "slow", 3.0),
    "webhooks": _ticks("prompts.tasks.webhooks_task", "slow", 3.0),
    "partitions": _ticks("tracking.tasks.partitions_task", "slow", EVERY_HOUR),
    "retention": _ticks(  # by the clock: restarts must not put it off
        "tracking.tasks.retention_task", "slow", crontab(minute=17), expires=EVERY_HOUR
    ),
}

# Celery warns root of pickled messages; JSON is all that is accepted below.
warnings.filterwarnings("ignore", category=SecurityWarning)

MEMORY_PER_CHILD_KB = 300_000  # at its most: a process of a pool is replaced after that task
MEMORY_WITHOUT_POOL_KB = 500_000  # at the end of a task
# A new connection for each task, which is Celery's way, costs PostgreSQL more than a sweep does.
TASKS_PER_CONNECTION = 100

logger = logging.getLogger(__name__)

app = Celery("assay")
app.conf.update(
    task_serializer="json",
    accept_content=["json"],
    task_ignore_result=True,
    task_acks_late=True,
    task_publish_retry=False,  # a request must not wait for a doorbell; the sweep makes up for it
    task_default_queue="analysis",
    task_routes={"tracking.tasks.digest*": {"queue": "digest"}},
    worker_prefetch_multiplier=1,
    worker_max_memory_per_child=MEMORY_PER_CHILD_KB,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
    worker_redirect_stdouts=False,
    worker_cancel_long_running_tasks_on_connection_loss=True,
    broker_connection_retry_on_startup=True,
    beat_schedule=BEAT,
    beat_scheduler="core.heartbeats:Scheduler",
    timezone="UTC",
    enable_utc=True,
)
if settings.CELERY_BROKER:
    app.conf.update(
        broker_url=settings.CELERY_BROKER,
        broker_transport_options={"socket_connect_timeout": 1.0, "socket_timeout": 5.0},
    )
else:
    app.conf.update(use_files(settings.DATA_DIR.broker))
app.conf["CELERY_DB_REUSE_MAX"] = TASKS_PER_CONNECTION  # of Celery's Django part: an old name
app.autodiscover_tasks()
add_scheduler_option(app)


class Main:
    """A worker's main process, as it and the processes of its pool know it."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        # Shared with the pool's processes, which see no signal of a warm stop. No lock around it: a
        # killed process could not give one back.
        self.is_stopping = mmap.mmap(-1, 1)


def is_stopping() -> bool:
    """Whether the worker was asked to stop: long tasks look here between two steps."""
    return main.is_stopping[0] == 1


def _note_main(**_: Any) -> None:
    """Not at import alone: a worker may be a fork of what imported this, beside others."""
    global main
    main = Main()


def _configure_logging(**_: Any) -> None:
    logging.config.dictConfig(logging_config())


def _note_stop(**_: Any) -> None:
    main.is_stopping[0] = 1


def _die_with_main_process(**_: Any) -> None:
    if os.getpid() != main.pid:  # a worker without a pool starts its tasks in the main process
        die_with_parent(main.pid)


def _share_memory(**_: Any) -> None:
    freeze_loaded()


def _check_connection(**_: Any) -> None:
    """Drop a connection that broke since the last task."""
    close_old_connections()
    connection.close_if_health_check_failed()


def _end_when_grown(**_: Any) -> None:
    """A worker without a pool has nobody who replaces it, but whoever starts it when it ended."""
    if os.getpid() != main.pid or resident_kb() <= MEMORY_WITHOUT_POOL_KB:
        return
    give_back()
    if (held := resident_kb()) > MEMORY_WITHOUT_POOL_KB:
        logger.warning("The worker holds %s MiB, and ends to be started anew", held // 1024)
        os.kill(os.getpid(), SIGTERM)  # a warm stop: Celery's own handler


def _start_heartbeat(sender: Any, **_: Any) -> None:
    from core.heartbeats import beat_in_background

    beat_in_background(str(sender.hostname).partition("@")[0])


main = Main()
for signal, receiver in (
    (signals.celeryd_init, _note_main),
    (signals.setup_logging, _configure_logging),
    (signals.worker_shutting_down, _note_stop),
    (signals.worker_before_create_process, _share_memory),
    (signals.worker_process_init, _die_with_main_process),
    (signals.worker_ready, _start_heartbeat),
    (signals.task_prerun, _check_connection),
    (signals.task_postrun, _end_when_grown),
):
    signal.connect(receiver)

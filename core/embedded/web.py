"""The web server's main process: ``python -m core.embedded.web HOST PORT PROCESSES``."""

import multiprocessing
import os
import sys
from functools import partial
from typing import TYPE_CHECKING, Any

from core.embedded.processes import die_with_parent
from core.logs import logging_config
from core.serving.bodies import MIB, Limits
from core.serving.receiving import Receiver
from core.serving.server import serve

if TYPE_CHECKING:
    from django.core.handlers.wsgi import WSGIHandler

# Most of a small request is waiting for PostgreSQL to flush it, and those who wait together share a
# flush. With two threads, flat spans came in at a third of the rate, and each took more CPU;
# batches of a hundred cost the same. Each that is needed costs some 6 MiB of connections.
THREADS = 8
STOP_SECONDS = 1  # after which a request is cut; the supervisor waits for 2
FORM_BYTES = MIB  # what a form may hold beside a file of the size that ingestion takes


def load_receiver(parent: int) -> Receiver:
    application = load_application(parent)
    from django.conf import settings

    from core.serving.admission import is_known_sender

    folder = settings.DATA_DIR.root if settings.DATA_DIR.root.is_dir() else None
    limits = Limits(settings.INGEST_MAX_BYTES + FORM_BYTES, n_threads=THREADS, folder=folder)
    return Receiver(application, limits, is_known_sender)


def load_application(parent: int) -> "WSGIHandler":
    """Runs in each server process; it must not outlive a killed main process.

    The views are imported before the first request, which would else wait for them.
    """
    die_with_parent(parent)
    from django.urls import resolve

    from core.memory import freeze_loaded
    from core.wsgi import application

    resolve("/healthz")
    freeze_loaded()
    return application


def granian_logging() -> dict[str, Any]:  # Any: the shape of logging.config
    config = logging_config()
    config["loggers"]["_granian"] = {"level": "INFO", "handlers": [], "propagate": True}
    return config


def main(host: str, port: str, processes: str) -> None:
    # What is loaded here is shared then. Python's default is another from 3.14 on.
    multiprocessing.set_start_method("fork", force=True)
    serve(
        partial(load_receiver, os.getpid()),
        host,
        int(port),
        workers=int(processes),
        respawn_failed_workers=True,
        workers_kill_timeout=STOP_SECONDS,
        log_dictconfig=granian_logging(),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Loads what the programs of the tree have in common, once and for all of them.

Neither threads nor connections: the supervisor forks afterwards (core.embedded.forking).
"""

import os
from importlib import import_module

from core.memory import freeze_loaded, give_back, paused_collector

PROGRAMS = (
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.concurrency.solo",
    "celery.fixups.django",
    "celery.worker.consumer",
    "core.broker",
    "core.heartbeats",
    "core.serving.admission",
    "core.serving.server",
    "django.core.handlers.wsgi",
    "granian.server",
)


def load_programs() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    with paused_collector():  # next to nothing of this is let go again
        load_apps()
        for name in PROGRAMS:
            import_module(name)
    freeze_loaded()
    give_back()


def load_apps() -> None:
    import django

    django.setup()
    from django.urls import resolve

    from core.celery import app

    resolve("/healthz")  # imports every view
    app.loader.import_default_modules()

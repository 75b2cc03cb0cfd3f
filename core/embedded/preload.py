"""Loads what the programs of the tree have in common, once and for all of them.

Neither threads nor connections: the supervisor forks afterwards (core.embedded.forking).
"""

import os
from importlib import import_module

PROGRAMS = (
    "celery.apps.worker",
    "celery.bin.celery",
    "celery.concurrency.prefork",
    "celery.concurrency.solo",
    "celery.fixups.django",
    "celery.worker.consumer",
    "core.broker",
    "core.heartbeats",
    "django.core.handlers.wsgi",
    "granian.server",
)


def load_programs() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    import django

    django.setup()
    from django.urls import resolve

    from core.celery import app
    from core.memory import freeze_loaded, give_back

    resolve("/healthz")  # imports every view
    app.loader.import_default_modules()
    for name in PROGRAMS:
        import_module(name)
    give_back()
    freeze_loaded()

"""Django's ``migrate``, which waits for no lock longer than others may wait for it."""

from typing import Any

from django.core.management.commands import migrate
from django.db import DEFAULT_DB_ALIAS

from core.migrating import migrate_patiently


class Command(migrate.Command):
    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's own
        if options["database"] != DEFAULT_DB_ALIAS:
            super().handle(*args, **options)
            return
        run = super().handle
        migrate_patiently(lambda: run(*args, **options))

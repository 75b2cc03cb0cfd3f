import os
import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from core.embedded.plan import Plan


class Command(BaseCommand):
    help = "Runs the whole of Assay in the foreground: PostgreSQL, web server, workers, scheduler."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        os.chdir(settings.BASE_DIR)
        # Replaces this process: what stays should not carry Django's memory for its whole life.
        module = ["-m", "core.embedded.supervisor"]
        os.execv(sys.executable, [sys.executable, *module, plan_of_settings().to_json()])


def plan_of_settings() -> Plan:
    return Plan(
        project=str(settings.BASE_DIR),
        root=str(settings.DATA_DIR.root),
        host=settings.HOST,
        port=settings.PORT,
        web_workers=settings.WEB_WORKERS,
        digest_workers=settings.DIGEST_WORKERS,
        embedded=not settings.DATABASE_URL,
        pg_bin=settings.PG_BIN,
    )

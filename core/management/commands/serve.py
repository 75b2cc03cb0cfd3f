from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from core.embedded.starting import become_supervisor


class Command(BaseCommand):
    help = "Runs the whole of Assay in the foreground: PostgreSQL, web server, workers, scheduler."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        become_supervisor(settings.BASE_DIR)

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.announcement import announcement
from core.bootstrap import BootstrapError, ensure_key, prepare
from core.demodata import load_demo_data
from core.embedded.first_start import read_state, write_state
from core.models import Project


class Command(BaseCommand):
    help = "Migrates, makes the first admin, the demo project and its key; `serve` calls it."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--base-url", default=f"http://{settings.HOST}:{settings.PORT}")
        parser.add_argument("--demo", metavar="URL", help="load the demo data into a running web")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            if options["demo"]:
                self.load_demo(options["demo"])
            else:
                self.set_up(options["base_url"])
        except BootstrapError as error:
            self.stdout.write(str(error))  # `serve` shows what is said here
            raise CommandError(str(error)) from error

    def set_up(self, base_url: str) -> None:
        state = read_state(settings.DATA_DIR)
        if not state:
            write_state(settings.DATA_DIR, "starting")
        login, key, is_new = prepare(is_unfinished=state.get("phase", "ready") != "ready")
        if key and needs_demo(state):
            now = timezone.now().isoformat() if is_new else ""
            write_state(settings.DATA_DIR, "demo", now=state.get("now") or now)
        elif not settings.DEMO or not key:
            write_state(settings.DATA_DIR, "ready", demo="skipped")
        self.stdout.write(announcement(base_url, login, key, now=timezone.now()))

    def load_demo(self, base_url: str) -> None:
        if read_state(settings.DATA_DIR).get("phase") == "ready":
            return
        try:
            key = ensure_key(Project.objects.get(slug="demo"))
            self.stderr.write(load_demo_data(base_url, key))
        except Exception as error:
            keep_failure(str(error))
            raise


def needs_demo(state: dict[str, str]) -> bool:
    is_done = state.get("phase") == "ready" and state.get("demo") != "skipped"
    return settings.DEMO and not is_done


def keep_failure(error: str) -> None:
    """Keeps the date of the data, so that the next start repeats the same load."""
    state = {name: value for name, value in read_state(settings.DATA_DIR).items() if name == "now"}
    write_state(settings.DATA_DIR, "failed", error=error, **state)

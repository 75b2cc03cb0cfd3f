from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.management.projects import project_named
from experiments.lifecycle import ExperimentError, start_as_of
from experiments.models import Experiment
from prompts.acting import Author

AUTHOR = Author(None, "manage.py start_experiment")


def read_time(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ArgumentTypeError("a time as ISO 8601 says it: 2026-11-09T08:00:00Z") from None
    if at.tzinfo is None:
        raise ArgumentTypeError("a time with its zone: 2026-11-09T08:00:00Z")
    return at


class Command(BaseCommand):
    help = "Starts a declared experiment, also as of a time at which it ran before Assay knew it."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="slug of the project")
        parser.add_argument("--at", type=read_time, help="since when it ran; without: from now on")
        parser.add_argument("key")

    def handle(self, *args: Any, key: str, **options: Any) -> None:
        project = project_named(options["project"])
        found = Experiment.objects.for_project(project.pk).filter(key=key).first()
        if found is None:
            raise CommandError(f"'{options['project']}' has no experiment '{key}'.")
        now = timezone.now()
        at = options["at"] or now
        if found.started_at == at and found.is_declared:
            self.stdout.write(f"{key} runs since then already.")
            return
        try:
            started = start_as_of(found, at, AUTHOR, now=now)
        except ExperimentError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{key} runs; units count from {started.started_at:%Y-%m-%d %H:%M} UTC.")

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.jobs import OPEN, work_on_jobs
from core.management.projects import projects_named
from core.models import Job, Project
from tracking.remapping import start_remap

TURN_SECONDS = 2.0


class Command(BaseCommand):
    help = "Read stored spans again by the attribute tables of today; works beside `serve`."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="the slug of one project; all without it")

    def handle(self, *args: Any, **options: Any) -> None:
        projects = projects_named(options["project"])
        for project in projects:
            self._remap(project)

    def _remap(self, project: Project) -> None:
        """Work on the project's job here; a worker may do some of its steps as well."""
        job = start_remap(project)
        while job.state in OPEN:
            if not work_on_jobs(seconds=TURN_SECONDS):
                time.sleep(0.2)  # somebody else is at it
            job.refresh_from_db()
            self.stdout.write(
                f"{project.slug}: {job.n_done:,} of {job.n_total or 0:,} events read."
            )
        if job.state != Job.State.DONE:
            raise CommandError(f"{project.slug}: {job.get_state_display()}: {job.error}")
        mapped, changed = job.result.get("mapped", 0), job.result.get("changed", 0)
        text = f"{project.slug}: {mapped:,} spans mapped again, {changed:,} changed."
        self.stdout.write(self.style.SUCCESS(text))

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.jobs import work_on_jobs
from core.management.projects import project_named
from core.models import Job
from tracking.repricing import start_repricing

TURN = 2.0  # seconds between two words on how far it is


class Command(BaseCommand):
    help = (
        "Price all model calls of a project by its prices of today. May be stopped and restarted."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="slug of the project")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        job = start_repricing(project, actor=None)
        while job.is_open:
            if not work_on_jobs(seconds=TURN):
                time.sleep(TURN / 4)  # a worker of the server has it
            job.refresh_from_db()
            self.stdout.write(f"{job.n_done:,} of {job.n_total or 0:,} hours")
        if job.state != Job.State.DONE:
            raise CommandError(f"The job is {job.state}. {job.error}")
        result = job.result
        self.stdout.write(
            self.style.SUCCESS(
                f"{result.get('priced', 0):,} calls priced,"
                f" {result.get('changed', 0):,} of them cost something else now."
            )
        )

import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.jobs import work_on_jobs
from core.management.projects import project_named
from core.models import Job
from tracking.erasure import KIND, count_waiting, start_erasure
from tracking.tombstones import SESSION, USER

PAUSE = 0.5


class Command(BaseCommand):
    help = (
        "Erase a user or a session of a project everywhere, and refuse whatever names them later."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="the project's slug")
        subject = parser.add_mutually_exclusive_group()
        subject.add_argument("--user", help="the user's id, as it was sent")
        subject.add_argument("--session", help="the session's id")

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"], or_archived=True)
        kind = USER if options["user"] is not None else SESSION
        name = options[kind]
        if name is None:
            raise CommandError("Say whom to erase: --user or --session.")
        if not name.strip():
            raise CommandError(f"The id of the {kind} is empty.")
        record = start_erasure(project, kind, name, actor_label="command line")
        jobs = Job.objects.filter(project=project, kind=KIND, params={"erasure": record.pk})
        self._work(jobs.latest("pk"))
        record.refresh_from_db()
        told = ", ".join(f"{n} {what}" for what, n in record.counts.items()) or "nothing was stored"
        self.stdout.write(f"Erased: {told}. Tombstone {record.reference}.")
        if waiting := count_waiting(record.project_id, [record])[record.pk]:
            self.stdout.write(f"{waiting} requests wait still; digest refuses what is theirs.")

    def _work(self, job: Job) -> None:
        """Do the steps here, beside the workers."""
        while job.is_open:
            if not work_on_jobs(seconds=1.0):
                time.sleep(PAUSE)
            job.refresh_from_db()
        if job.state != Job.State.DONE:
            raise CommandError(f"The erasure stopped: {job.error}")

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.management.projects import projects_named
from core.models import Project
from tracking.rebuilding import rebuild_project
from tracking.verification import verify_project

SHOWN = 20


class Command(BaseCommand):
    help = "Recompute every aggregate from the events; exits 1 when any differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", help="the slug of one project; all without it")
        parser.add_argument("--repair", action="store_true", help="rebuild what differs")

    def handle(self, *args: Any, **options: Any) -> None:
        projects = projects_named(options["project"])
        n_left = sum(self._verify(project, repair=options["repair"]) for project in projects)
        if n_left:
            raise CommandError(f"{n_left} differences.", returncode=1)
        self.stdout.write(self.style.SUCCESS("0 differences."))

    def _verify(self, project: Project, *, repair: bool) -> int:
        """Report on a project and return how many differences are left."""
        n_found = self._report(project)
        if not n_found or not repair:
            return n_found
        rebuild_project(project.pk)
        self.stdout.write(f"{project.slug}: rebuilt.")
        return self._report(project)

    def _report(self, project: Project) -> int:
        n_found = 0
        for difference in verify_project(project.pk):
            n_found += 1
            if n_found <= SHOWN:
                self.stdout.write(f"{project.slug}: {difference}")
        self.stdout.write(f"{project.slug}: {n_found} differences.")
        return n_found

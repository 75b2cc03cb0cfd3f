import os
from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.keys import issue_key
from core.models import Project, Scope


class Command(BaseCommand):
    help = "Make an API key of a project and print it, once. Nothing else goes to stdout."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="slug of the project")
        parser.add_argument("name", nargs="?", default=f"command line of {os.uname().nodename}")
        parser.add_argument(
            "--scope",
            action="append",
            choices=Scope.values,
            dest="scopes",
            help="may be given several times; default: all",
        )
        parser.add_argument("--days", type=int, help="expires after so many days; default: never")

    def handle(self, *args: Any, **options: Any) -> None:
        project = Project.objects.active().filter(slug=options["project"]).first()
        if project is None:
            raise CommandError(f"There is no project '{options['project']}'.")
        if options["days"] is not None and not 0 < options["days"] <= 36_500:
            raise CommandError("--days must lie between 1 and 36500.")
        days = options["days"]
        key, raw = issue_key(
            project,
            options["name"][:120],
            options["scopes"] or Scope.values,
            None,
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        self.stderr.write(f"Key {key.prefix} of '{project.slug}' ({', '.join(key.scopes)}):")
        self.stdout.write(raw)

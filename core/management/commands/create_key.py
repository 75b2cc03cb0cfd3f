import os
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from core.forms import MAX_RATE
from core.keys import PUBLISHABLE_RATE, issue_key, issue_publishable_key
from core.management.projects import project_named
from core.models import ApiKey, Project, Scope
from core.publishable import OriginError, read_origins


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
        parser.add_argument("--rate-limit", type=int, help="requests a second; default: none")
        parser.add_argument(
            "--publishable", action="store_true", help="for web pages: sends events and scores only"
        )
        parser.add_argument(
            "--origin",
            action="append",
            default=[],
            dest="origins",
            help="a web page's origin that may use a publishable key; default: any",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        project = project_named(options["project"])
        if options["days"] is not None and not 0 < options["days"] <= 36_500:
            raise CommandError("--days must lie between 1 and 36500.")
        rate = options["rate_limit"]
        if rate is not None and not 0 < rate <= MAX_RATE:
            raise CommandError(f"--rate-limit must lie between 1 and {MAX_RATE}.")
        days = options["days"]
        expires_at = timezone.now() + timedelta(days=days) if days else None
        key, raw = self._make(project, expires_at, options)
        self.stderr.write(f"Key {key.prefix} of '{project.slug}' ({', '.join(key.scopes)}):")
        self.stdout.write(raw)

    def _make(
        self, project: Project, expires_at: datetime | None, options: dict[str, Any]
    ) -> tuple[ApiKey, str]:
        name, rate = options["name"][:120], options["rate_limit"]
        if not options["publishable"]:
            return issue_key(
                project,
                name,
                options["scopes"] or Scope.values,
                None,
                expires_at=expires_at,
                rate_limit=rate,
            )
        try:
            origins = read_origins(options["origins"])
        except OriginError as error:
            raise CommandError(f"--origin: {error}") from error
        key = issue_publishable_key(
            project,
            name,
            None,
            origins=origins,
            rate_limit=rate or PUBLISHABLE_RATE,
            expires_at=expires_at,
        )
        return key, key.public_text

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from core.projects import create_project


class Command(BaseCommand):
    help = "Make a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("slug", help="its name in addresses, such as shop-assistant")
        parser.add_argument("name", nargs="?", default="", help="its name for people")
        parser.add_argument("--owner", default="", help="username of its first owner")

    def handle(self, *args: Any, slug: str, name: str, owner: str, **options: Any) -> None:
        user = User.objects.filter(username=owner).first() if owner else None
        if owner and user is None:
            raise CommandError(f"There is no user '{owner}'.")
        try:
            create_project(slug, name or slug, owner=user)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        self.stdout.write(f"Made the project '{slug}': /p/{slug}/")

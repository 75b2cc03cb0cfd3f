from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from core.management.projects import project_named
from core.models import Role
from core.projects import MembershipError, add_member


class Command(BaseCommand):
    help = "Make a user a member of a project."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("project", help="slug of the project")
        parser.add_argument("username")
        parser.add_argument("role", nargs="?", choices=Role.values, default=Role.VIEWER.value)

    def handle(self, *args: Any, project: str, username: str, role: str, **options: Any) -> None:
        found = project_named(project)
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user '{username}'.")
        try:
            add_member(found, user, Role(role), actor=None)
        except MembershipError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{username} is {role} of '{project}'.")

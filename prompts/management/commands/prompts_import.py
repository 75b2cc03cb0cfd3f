from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from core.management.projects import project_named
from prompts.files import FileError, PromptFile, read_prompts
from prompts.folders import read_folder
from prompts.importing import Import, ImportRefusedError, Options


class Command(BaseCommand):
    help = (
        "Take prompts from a folder or a .json file. What differs becomes a draft; all of it is"
        " taken or nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="slug of the project")
        parser.add_argument("path", type=Path, help="a folder, or a file ending in .json")
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")
        parser.add_argument("--publish", action="store_true", help="publish what differs")
        parser.add_argument("--note", default="", help="what changed and why, of what is published")
        parser.add_argument(
            "--labels", action="store_true", help="move the labels of the files too"
        )
        parser.add_argument("--force", action="store_true", help="also where the project is newer")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        project = project_named(options["project"])
        is_history = path.suffix == ".json"
        try:
            prompts = read_history(path) if is_history else read_folder(path)
        except (FileError, OSError) as error:
            raise CommandError(str(error)) from error
        wanted = {name: options[name] for name in ("publish", "note", "labels", "force")}
        run = Import(project, Options(**wanted))
        with transaction.atomic():
            try:
                for prompt in prompts:
                    run.add(prompt, is_history=is_history)
            except ImportRefusedError as error:
                raise CommandError(f"{error} Nothing was changed.") from error
            is_dry = options["dry_run"]
            transaction.set_rollback(is_dry or bool(run.conflicts))
        self.report(run, is_dry=is_dry)

    def report(self, run: Import, *, is_dry: bool) -> None:
        for line in run.done:
            self.stdout.write(line)
        if run.n_same:
            self.stdout.write(f"Prompts that are as in the files: {run.n_same:,}")
        if run.conflicts:
            said = "\n".join(["Nothing was changed:", *run.conflicts])
            raise CommandError(said)
        if is_dry:
            self.stdout.write("A dry run: nothing was changed.")


def read_history(path: Path) -> list[PromptFile]:
    try:
        return read_prompts(str(path), path.read_bytes().decode())
    except UnicodeDecodeError as error:
        raise FileError(str(path), 0, "no UTF-8") from error

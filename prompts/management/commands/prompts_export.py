from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from core.management.projects import project_named
from prompts.exporting import export_all, export_current
from prompts.files import FORMAT, FileError, PromptsFile, write_json
from prompts.folders import write_folder


class Command(BaseCommand):
    help = (
        "Write a project's prompts: all versions into a .json file, or the current version of each"
        " into a folder for git."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--project", required=True, help="slug of the project")
        parser.add_argument("path", type=Path, help="a folder, or a file ending in .json")

    def handle(self, *args: Any, path: Path, **options: Any) -> None:
        project = project_named(options["project"])
        try:
            if path.suffix == ".json":
                prompts = export_all(project)
                path.write_text(write_json(PromptsFile(FORMAT, prompts)), "utf-8", newline="")
                said = "with all versions"
            else:
                prompts = export_current(project)
                said = f"(files changed: {write_folder(path, prompts):,})"
        except (FileError, OSError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{path} holds {len(prompts):,} of {project.slug}'s prompts {said}.")

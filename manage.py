#!/usr/bin/env python
import os
import sys
from pathlib import Path


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    if sys.argv[1:] == ["serve"]:
        # The supervisor loads the apps itself; Django would load them here first, for nothing.
        from core.embedded.starting import become_supervisor

        become_supervisor(Path(__file__).resolve().parent)
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()

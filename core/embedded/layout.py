"""Where the data directory keeps what. Paths only: reading this module starts nothing."""

import contextlib
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# sun_path holds 108 bytes with its closing NUL; the socket is called ``.s.PGSQL.5432``.
SOCKET_DIR_BYTES = 107 - len("/.s.PGSQL.5432")
# libpq splits a host at commas, PostgreSQL its socket directories at commas and quotes.
PLAIN_PATH = re.compile(r"[\w./@+~=-]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class DataDir:
    """The folder named by ``ASSAY_DATA_DIR``."""

    root: Path

    def __post_init__(self) -> None:
        # Children run in other working directories.
        object.__setattr__(self, "root", self.root.expanduser().absolute())

    @property
    def static(self) -> Path:
        return self.root / "static"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def broker(self) -> Path:
        return self.root / "broker"

    @property
    def bytecode(self) -> Path:
        """What Python compiled, where it may not be kept beside the sources."""
        return self.root / "bytecode"

    @property
    def lock(self) -> Path:
        """Held by the one ``serve`` of this directory."""
        return self.root / "serve.lock"

    @property
    def processes(self) -> Path:
        """Which processes the running ``serve`` started, for the start after a killed one."""
        return self.root / "processes.json"

    @property
    def code_stamp(self) -> Path:
        """What the last start found set up; without it the next one serves after it looked."""
        return self.root / "code.stamp"

    @property
    def bootstrap_state(self) -> Path:
        """How far the first start has come (core/embedded/first_start.py)."""
        return self.root / "bootstrap.json"

    @property
    def demo_key(self) -> Path:
        """The demo project's API key, 0600, so that the printed curl line works at every start."""
        return self.root / "demo-api-key"

    @property
    def cluster(self) -> Path:
        """The database's files: here, or where core.embedded.placement had to put them."""
        return recorded_path(self.cluster_record) or self.root / "postgres"

    @property
    def cluster_record(self) -> Path:
        return self.root / "postgres.location"

    @property
    def socket_dir(self) -> Path:
        return recorded_path(self.socket_record) or self.root / "pg-run"

    @property
    def socket_record(self) -> Path:
        return self.root / "pg-run.location"

    def database(self) -> dict[str, Any]:
        """Where the embedded PostgreSQL is, as Django's settings say it."""
        return {
            "NAME": "assay",
            "USER": "assay",
            "HOST": str(self.socket_dir),
            "PORT": "5432",
        }

    def secret_key(self) -> str:
        """The key of this installation, made once and readable by its owner alone."""
        path = self.root / "secret-key"
        self.root.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            write_private(path, secrets.token_urlsafe(64))
        return path.read_text()


def configured_data_dir(project: Path) -> DataDir:
    """What ``ASSAY_DATA_DIR`` names, else ``var`` in the project."""
    return DataDir(Path(os.environ.get("ASSAY_DATA_DIR", "").strip() or project / "var"))


def recorded_text(record: Path) -> str:
    try:
        return record.read_text().strip()
    except OSError:
        return ""


def recorded_path(record: Path) -> Path | None:
    text = recorded_text(record)
    return Path(text) if text else None


def fits_a_socket(folder: Path) -> bool:
    text = str(folder)
    return len(text.encode()) <= SOCKET_DIR_BYTES and PLAIN_PATH.fullmatch(text) is not None


def write_private(path: Path, text: str) -> None:
    """Make ``path`` with ``text``, 0600; FileExistsError when it is there already.

    Written aside and linked into place: a reader never meets half of it.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    try:
        os.link(draft, path)
    finally:
        draft.unlink()


def replace_text(path: Path, text: str) -> None:
    """Write ``path`` whole or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text)
    draft.replace(path)

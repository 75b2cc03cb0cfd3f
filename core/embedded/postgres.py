"""Runs a PostgreSQL of one's own as a foreground child (docs/operations.md)."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO
from urllib.parse import quote

from core.embedded.account import Account, server_account
from core.embedded.binaries import Binaries, find_binaries
from core.embedded.errors import EmbeddedError
from core.embedded.layout import DataDir
from core.embedded.locks import FileLock
from core.embedded.pgsettings import DATABASE, write_settings
from core.embedded.placement import place_cluster, place_socket
from core.embedded.processes import (
    command_of,
    die_with_parent,
    signal_pid,
    start_time,
    stat_fields,
    wait_until,
)

# After a SIGKILL the dead server's backends hold its shared memory until they notice.
RETRY_SECONDS = 20.0
STATUS_LINE = 7  # of postmaster.pid
FAST_STOP, IMMEDIATE_STOP = signal.SIGINT, signal.SIGQUIT


class PostgresServer:
    """One cluster in one data directory.

    ``prepare`` once, then ``launch`` as often as it dies; ``is_ready`` tells when recovery is
    over. ``release`` gives the lock back.
    """

    def __init__(self, data_dir: DataDir, *, pg_bin: str = "") -> None:
        self.data_dir = data_dir
        self.lock = FileLock(data_dir.root / "postgres.lock")
        self.pg_bin = pg_bin
        self.account: Account
        self.binaries: Binaries
        self.cluster: Path

    def prepare(self) -> None:
        """Take the lock, find the programs, make the cluster at the first start."""
        self.lock.acquire()
        self.account = server_account(self.data_dir.cluster)
        self.cluster = place_cluster(self.data_dir, self.account)
        self.binaries = find_binaries(self.pg_bin, self.account)
        if not (self.cluster / "PG_VERSION").exists():
            create_cluster(self.cluster, self.account, self.binaries)
        check_major(self.cluster, self.binaries)
        stop_orphan(self.cluster)

    def launch(
        self, *, output: int | IO[bytes], environment: dict[str, str]
    ) -> subprocess.Popen[bytes]:
        """Start the server; a previous one of this cluster must have ended."""
        socket_dir = place_socket(self.data_dir, self.account)
        write_settings(self.cluster, socket_dir, self.account)
        drop_stale_pid_file(self.cluster)
        return subprocess.Popen(
            [self.binaries.program("postgres"), "-D", str(self.cluster)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd="/",
            env=server_environment(environment),
            start_new_session=True,
            preexec_fn=death_signal(FAST_STOP),
            **self.account.popen_options(),
        )

    def is_ready(self, pid: int) -> bool:
        """Whether it takes connections: the server writes so into its pid file."""
        lines = pid_file_lines(self.cluster)
        ours = bool(lines) and lines[0] == str(pid)
        return ours and len(lines) > STATUS_LINE and lines[STATUS_LINE].strip() == "ready"

    def url(self) -> str:
        host = quote(str(self.data_dir.socket_dir), safe="")
        return f"postgres://{DATABASE}@{host}:5432/{DATABASE}"

    def release(self) -> None:
        """Give back the lock, and a socket's folder in the temporary directory."""
        if self.data_dir.socket_record.exists():
            with contextlib.suppress(OSError):  # a server that still runs has its socket there
                self.data_dir.socket_dir.rmdir()
                self.data_dir.socket_record.unlink()
        self.lock.release()


def death_signal(number: int = signal.SIGKILL) -> Callable[[], None]:
    """For ``preexec_fn``: it runs after setuid, which would clear the request."""
    return partial(die_with_parent, os.getpid(), number)


def server_environment(environment: dict[str, str]) -> dict[str, str]:
    """Without the caller's secrets, and without libpq's variables."""
    kept = {"PATH", "HOME", "TZ", "LD_LIBRARY_PATH"}
    marked = {name: value for name, value in environment.items() if name.startswith("ASSAY_SERVED")}
    return {**{k: v for k, v in os.environ.items() if k in kept}, **marked, "LC_ALL": "C"}


def create_cluster(cluster: Path, account: Account, binaries: Binaries) -> None:
    """initdb aside, then rename: a first start that was killed leaves no half cluster."""
    draft = cluster.with_name(f"{cluster.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    account.own(draft)
    # The builtin provider sorts alike on every machine; libc's C.UTF-8 is the nearest before 17.
    builtin = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    locale = [*builtin, "--locale=C"] if binaries.major >= 17 else ["--locale=C.UTF-8"]
    options = ["-U", DATABASE, "-A", "peer", "-E", "UTF8", "--no-instructions", *locale]
    run_as(account, [binaries.program("initdb"), "-D", str(draft), *options])
    single = [binaries.program("postgres"), "--single", "-D", str(draft), "postgres"]
    run_as(account, single, text=f"CREATE DATABASE {DATABASE}\n")
    draft.rename(cluster)


def run_as(account: Account, command: list[str], *, text: str = "") -> None:
    run = subprocess.run(
        command,
        input=text,
        capture_output=True,
        text=True,
        cwd="/",
        check=False,
        env=server_environment({}),
        **account.popen_options(),
    )
    if run.returncode:
        said = "\n".join((run.stdout + run.stderr).strip().splitlines()[-8:])
        raise EmbeddedError(f"{Path(command[0]).name} failed as {account.name}:\n{said}")


def check_major(cluster: Path, binaries: Binaries) -> None:
    found = int((cluster / "PG_VERSION").read_text())
    if found != binaries.major:
        raise EmbeddedError(
            f"The data in {cluster} was written by PostgreSQL {found}; the programs in "
            f"{binaries.folder} are version {binaries.major}. Start once with PG_BIN naming the "
            f"programs of version {found}, run `manage.py backup DIR`, stop, move the data "
            "directory aside, start again and run `manage.py restore DIR --force`."
        )


def pid_file_lines(cluster: Path) -> list[str]:
    try:
        return (cluster / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def recorded_pid(cluster: Path) -> int:
    """The pid in postmaster.pid; 0 when there is none to read."""
    lines = pid_file_lines(cluster)
    return int(lines[0]) if lines and lines[0].strip().isdigit() else 0


def live_server(cluster: Path) -> int | None:
    """The pid in postmaster.pid when that process really is a server of this cluster.

    After a crash or a restart of the machine the number may belong to anybody.
    """
    pid = recorded_pid(cluster)
    if not pid or start_time(pid) is None:
        return None
    command = command_of(pid)
    is_postgres = bool(command) and Path(command[0]).name in {"postgres", "postmaster"}
    return pid if is_postgres and str(cluster) in command else None


def stop_orphan(cluster: Path) -> None:
    """Stop a server that outlived its supervisor. The lock is ours, so nobody uses it."""
    pid = live_server(cluster)
    if pid is None:
        return
    for number, seconds in ((FAST_STOP, 10.0), (IMMEDIATE_STOP, 10.0)):
        signal_pid(pid, number)
        if wait_until(lambda: start_time(pid) is None, seconds=seconds):
            return
    raise EmbeddedError(f"PostgreSQL (pid {pid}) still runs on {cluster} and does not stop.")


def drop_stale_pid_file(cluster: Path) -> None:
    """PostgreSQL refuses to start while the file names a live process, whosever it is.

    The file of a server that is simply gone stays: PostgreSQL clears it itself, after it has looked
    for orphans of that server in the shared memory named there.
    """
    pid = recorded_pid(cluster)
    is_gone = bool(pid) and not stat_fields(pid)
    if not is_gone and live_server(cluster) is None:
        (cluster / "postmaster.pid").unlink(missing_ok=True)

"""An installation of its own: ``serve`` with a temporary data directory and a free port."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import psycopg

from core.embedded.layout import DataDir
from core.embedded.postgres import death_signal
from tests.benchmarks.load import Connection, Failure

PROJECT = Path(__file__).resolve().parents[2]
KEY = "benchmark-key-0123456789-0123456789"
SLUG = "demo"
STOP_SECONDS = 15.0
FEW_LEFT = 10_000  # items: a second or two of work
FOREIGN = ("ASSAY_", "DATABASE_URL", "CELERY_BROKER_URL", "DJANGO_SETTINGS_MODULE")
Json = Any  # whatever the API answers


class ServeError(Exception):
    """The installation did not start, or did not do what was waited for."""


def free_port() -> int:
    """One that stays free until it is listened on, and while who listens is started again.

    The kernel gives the ports from 32768 on (ip_local_port_range) to whoever connects or asks for
    any; those below to nobody. Each process begins to look at a place of its own.
    """
    while True:
        port = 20_000 + next(_numbers) % 12_000
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


_numbers = itertools.count(os.getpid() * 101)


class Installation:
    """Started, stopped, started again on the same data; ``delete`` at the end."""

    def __init__(self, **variables: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="assay-bench-"))
        self.root.chmod(0o711)  # root's PostgreSQL runs as somebody else
        self.data_dir = DataDir(self.root / "data")
        self.port = free_port()
        self.variables = variables
        self.process: subprocess.Popen[bytes] | None = None
        self.output = self.root / "serve.log"

    @property
    def pid(self) -> int:
        if self.process is None:
            raise ServeError("nothing is running")
        return self.process.pid

    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(FOREIGN)}
        own = {
            "ASSAY_DATA_DIR": str(self.data_dir.root),
            "ASSAY_PORT": str(self.port),
            "ASSAY_DEMO": "0",
            "ASSAY_API_KEY": KEY,
            "ASSAY_ADMIN_PASSWORD": "benchmark-password",
        }
        return {**inherited, **own, **self.variables}

    def start(self, *, seconds: float = 120.0) -> float:
        """Start and wait until /readyz is content; how long it took."""
        began = time.perf_counter()
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=PROJECT,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=death_signal(signal.SIGTERM),  # a killed benchmark leaves nothing
            )
        self.wait_ready(seconds=seconds)
        return time.perf_counter() - began

    def wait_ready(self, *, seconds: float) -> None:
        self.wait_for(self.is_ready, what="/readyz is not content", seconds=seconds, pause=0.05)

    def is_ready(self) -> bool:
        if self.process is None or self.process.poll() is not None:
            raise ServeError(f"serve ended:\n{self.output.read_text()[-2000:]}")
        connection = self.connect()
        try:
            return connection.send("GET", "/readyz")[0] == 200
        except Failure:
            return False
        finally:
            connection.close()

    def stop(self) -> float:
        """SIGTERM; how long it took. What does not end is killed."""
        process = self.process
        if process is None:
            return 0.0
        began = time.perf_counter()
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self.process = None
        return time.perf_counter() - began

    def delete(self) -> None:
        self.stop()
        for folder in (self.data_dir.cluster, self.data_dir.socket_dir, self.root):
            shutil.rmtree(folder, ignore_errors=True)

    def connect(self) -> Connection:
        return Connection(self.port, KEY)

    def get(self, path: str) -> Json:
        connection = self.connect()
        try:
            status, body = connection.send("GET", path)
        finally:
            connection.close()
        if status != 200:
            raise ServeError(f"GET {path}: {status} {body[:300]!r}")
        return json.loads(body)

    def status(self) -> dict[str, Any]:
        """GET /api/v1/ingest/status."""
        answer: dict[str, Any] = self.get("/api/v1/ingest/status")
        return answer

    def wait_digested(self, total: int, *, seconds: float = 900.0) -> float:
        """Wait until so many items went through digest in all; perf_counter at that moment.

        Looking costs the server something too: seldom while much is left, often towards the end.
        """
        deadline = time.monotonic() + seconds
        while (left := total - int(self.status()["digested_events"])) > 0:
            if time.monotonic() > deadline:
                raise ServeError(f"{left} of {total} items not digested after {seconds:g} s")
            time.sleep(1.0 if left > FEW_LEFT else 0.1)
        return time.perf_counter()

    def wait_drained(self, *, seconds: float = 120.0) -> dict[str, Any]:
        def is_drained() -> bool:
            with contextlib.suppress(ServeError, *Failure):
                return not self.status()["pending_batches"]
            return False

        self.wait_for(is_drained, what="the inbox is not empty", seconds=seconds, pause=0.2)
        return self.status()

    def wait_texts(self, *, seconds: float = 120.0) -> None:
        """Wait until what lists show and search of sessions is fresh."""
        with self.database() as connection:

            def is_fresh() -> bool:
                query = "SELECT EXISTS (SELECT FROM tracking_sessiontorefresh)"
                return connection.execute(query).fetchone() == (False,)

            self.wait_for(is_fresh, what="texts are not fresh", seconds=seconds, pause=0.5)

    def wait_for(self, condition, *, what: str, seconds: float, pause: float) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise ServeError(f"{what} after {seconds:g} s")
            time.sleep(pause)

    def run_command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A manage.py command beside the running server."""
        return subprocess.run(
            [sys.executable, "-W", "ignore", "manage.py", *arguments],
            cwd=PROJECT,
            env=self.environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def database(self) -> psycopg.Connection[Any]:
        """Straight to the embedded PostgreSQL, as whoever runs this."""
        target = self.data_dir.database()
        return psycopg.connect(
            host=target["HOST"],
            port=target["PORT"],
            user=target["USER"],
            dbname=target["NAME"],
            autocommit=True,
        )

    def tree(self) -> list[psutil.Process]:
        """The supervisor and all below it."""
        root = psutil.Process(self.pid)
        return [root, *root.children(recursive=True)]

    def count_messages(self) -> int:
        """Messages that wait in the file broker."""
        folder = self.data_dir.broker / "messages"
        return sum(1 for name in os.listdir(folder) if not name.startswith("."))


@contextlib.contextmanager
def running_installation(**variables: str) -> Iterator[Installation]:
    installation = Installation(**variables)
    try:
        installation.start()
        yield installation
    finally:
        installation.delete()

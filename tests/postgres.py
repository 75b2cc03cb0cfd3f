"""A PostgreSQL of one's own for the length of a block, as the supervisor runs one for ``serve``."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from core.embedded.errors import EmbeddedError
from core.embedded.layout import DataDir
from core.embedded.pgsettings import write_local_settings
from core.embedded.postgres import FAST_STOP, IMMEDIATE_STOP, RETRY_SECONDS, PostgresServer

Process = subprocess.Popen[bytes]


@contextmanager
def running_postgres(
    data_dir: DataDir, *, pg_bin: str = "", local_settings: str = ""
) -> Iterator[str]:
    """The URL of its database."""
    with started_postgres(data_dir, pg_bin=pg_bin, local_settings=local_settings) as (server, _):
        yield server.url()


@contextmanager
def started_postgres(
    data_dir: DataDir, *, pg_bin: str = "", local_settings: str = ""
) -> Iterator[tuple[PostgresServer, Process]]:
    """What it says goes to a file in logs."""
    server = PostgresServer(data_dir, pg_bin=pg_bin)
    server.prepare()
    if local_settings:
        write_local_settings(server.cluster, server.account, local_settings)
    data_dir.logs.mkdir(exist_ok=True)
    with (data_dir.logs / "postgres.log").open("ab") as log:
        process = start_and_wait(server, log)
        try:
            yield server, process
        finally:
            stop_server(process)
            server.release()


def start_and_wait(server: PostgresServer, log: IO[bytes]) -> Process:
    """Retries what ends early: shared memory of a killed server is freed only after a while."""
    deadline = time.monotonic() + RETRY_SECONDS
    process = server.launch(output=log, environment={})
    while not server.is_ready(process.pid):
        if process.poll() is not None:
            if time.monotonic() > deadline:
                raise EmbeddedError(f"PostgreSQL does not start; see {log.name}")
            time.sleep(0.5)
            process = server.launch(output=log, environment={})
        time.sleep(0.02)
    return process


def stop_server(process: Process, *, seconds: float = 8.0) -> None:
    """Fast stop; at the deadline an immediate one, which the next start recovers from."""
    process.send_signal(FAST_STOP)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(IMMEDIATE_STOP)
        process.wait(seconds)

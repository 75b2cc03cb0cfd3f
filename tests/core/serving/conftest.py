"""The small server, a process of its own."""

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from tests.benchmarks.installation import free_port
from tests.core.serving.wire import Line

ROOT = Path(__file__).resolve().parents[3]


@contextlib.contextmanager
def running_small_server():
    """Its process, its port, and the folder of its files."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        arguments = ["-m", "tests.core.serving.small_server", str(port), folder]
        process = subprocess.Popen([sys.executable, *arguments], cwd=ROOT)
        try:
            wait_listening(port, process)
            yield process, port, Path(folder)
        finally:
            process.terminate()
            process.wait(60)


@pytest.fixture(scope="module")
def small_server():
    """The port of one, and the folder of its files."""
    with running_small_server() as (_, port, folder):
        yield port, folder


@pytest.fixture
def port(small_server):
    return small_server[0]


def wait_listening(port, process):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server ended"
        try:
            Line(port).socket.close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the server does not listen")

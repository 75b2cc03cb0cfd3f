"""The real process tree: started by ``manage.py serve``, shot at, and started again."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import psutil
import psycopg
import pytest

from core.embedded.layout import DataDir
from core.embedded.processes import (
    command_of,
    group_members,
    recorded_processes,
    signal_pid,
    wait_until,
)
from tests.benchmarks.installation import free_port

pytestmark = pytest.mark.chaos

PROJECT = Path(__file__).resolve().parents[2]
KEY = "a-key-for-the-process-tree-tests-0123456789"
PASSWORD = "a-password-for-the-process-tree"
START_SECONDS = 120  # on a machine busy with the other tests
NAMES = {"postgres", "web", "digest", "analysis"}


class Serving:
    """One data directory and whoever serves it at the moment."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = free_port()
        self.output = root / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self, **changes: str) -> dict[str, str]:
        own = {
            "ASSAY_DATA_DIR": str(self.root / "var"),
            "ASSAY_PORT": str(self.port),
            "ASSAY_DEMO": "0",
            "ASSAY_API_KEY": KEY,
            "ASSAY_ADMIN_PASSWORD": PASSWORD,
            "ASSAY_DIGEST_WORKERS": "1",
        }
        inherited = {k: v for k, v in os.environ.items() if k != "DATABASE_URL"}
        return {**inherited, **own, **changes}

    def launch(self, **changes: str) -> subprocess.Popen[bytes]:
        with self.output.open("wb") as file:
            return subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=PROJECT,
                env=self.environment(**changes),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def ensure_started(self) -> "Serving":
        if self.process is None or self.process.poll() is not None:
            self.process = self.launch()
            assert wait_until(lambda: "Assay is ready" in self.said(), seconds=START_SECONDS), (
                self.said()
            )
        assert wait_until(self.is_ready, seconds=START_SECONDS), self.said()
        return self

    def said(self) -> str:
        assert self.process is None or self.process.poll() is None, self.output.read_text()
        return self.output.read_text()

    def request(self, path: str, body: bytes | None = None) -> bytes:
        headers = {"X-API-Key": KEY, "Content-Type": "application/json"}
        request = Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        with urlopen(request, timeout=60) as answer:
            return bytes(answer.read())

    def is_ready(self) -> bool:
        try:
            return json.loads(self.request("/readyz"))["status"] == "ok"
        except (OSError, URLError):
            return False

    def main_pids(self) -> dict[str, int]:
        return {p.name: p.pid for p in recorded_processes(self.root / "var" / "processes.json")}

    def all_pids(self) -> list[int]:
        assert self.process is not None
        return [p.pid for p in psutil.Process(self.process.pid).children(recursive=True)]


@pytest.fixture(scope="module")
def tree():
    # Not below pytest's folders, which are 0700: root's PostgreSQL could not enter them.
    with tempfile.TemporaryDirectory(prefix="assay-tests-") as folder:
        Path(folder).chmod(0o711)
        serving = Serving(Path(folder))
        yield serving
        if serving.process is not None and serving.process.poll() is None:
            serving.process.terminate()
            serving.process.wait(60)


@pytest.fixture
def serving(tree) -> Serving:
    return tree.ensure_started()


def are_gone(pids: list[int]) -> bool:
    return not any(psutil.pid_exists(pid) and is_alive(pid) for pid in pids)


def is_alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_sigterm_stops_every_process_within_ten_seconds(serving):
    pids = serving.all_pids()
    assert len(pids) > len(NAMES)
    began = time.monotonic()

    serving.process.terminate()
    code = serving.process.wait(60)

    assert code == 0
    assert time.monotonic() - began < 10
    assert wait_until(lambda: are_gone(pids), seconds=10) is True


def test_a_killed_supervisor_leaves_no_process_and_the_next_start_works(serving):
    pids = serving.all_pids()

    serving.process.kill()
    serving.process.wait(60)

    assert wait_until(lambda: are_gone(pids), seconds=10) is True
    serving.ensure_started()
    assert set(serving.main_pids()) == NAMES


def test_everything_killed_at_once_recovers_with_its_data(serving):
    event = {"type": "span.kept", "timestamp": "2026-01-01T00:00:00Z", "id": "kept", "data": {}}
    serving.request("/api/v1/events", json.dumps(event).encode())

    for pid in [*serving.all_pids(), serving.process.pid]:
        signal_pid(pid, signal.SIGKILL)
    serving.process.wait(60)
    serving.ensure_started()

    def digested() -> int:
        status = json.loads(serving.request("/api/v1/ingest/status"))
        return int(status["digested_events"]) + int(status["quarantined"])

    assert wait_until(lambda: digested() >= 1, seconds=90) is True


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_dead_child_is_started_again_without_orphans(serving, name):
    before = serving.main_pids()[name]

    os.kill(before, signal.SIGKILL)

    assert wait_until(lambda: serving.main_pids().get(name, before) != before, seconds=60) is True
    assert wait_until(lambda: group_members(before) == [], seconds=10) is True
    assert wait_until(serving.is_ready, seconds=60) is True


@pytest.mark.parametrize("name", sorted(NAMES - {"postgres"}))
def test_a_dead_child_comes_back_as_a_copy_of_the_supervisor_which_has_it_loaded(serving, name):
    before = serving.main_pids()[name]
    os.kill(before, signal.SIGKILL)
    assert wait_until(lambda: serving.main_pids().get(name, before) != before, seconds=60) is True

    child = psutil.Process(serving.main_pids()[name])

    assert child.ppid() == serving.process.pid
    assert wait_until(lambda: command_of(child.pid) == [f"assay: {name}"], seconds=60) is True
    assert wait_until(serving.is_ready, seconds=60) is True


def test_postgresql_knows_its_clients_by_the_names_that_ps_shows(serving):
    """A web request and the wake-up that follows connect all three."""
    event = {"type": "span.named", "timestamp": "2026-01-01T00:00:00Z", "id": "named", "data": {}}
    serving.request("/api/v1/events", json.dumps(event).encode())
    target = DataDir(serving.root / "var").database()

    def names() -> set[str]:
        with psycopg.connect(
            host=target["HOST"], port=target["PORT"], user=target["USER"], dbname=target["NAME"]
        ) as connection:
            rows = connection.execute("SELECT application_name FROM pg_stat_activity").fetchall()
        return {name for (name,) in rows}

    expected = {"assay: web", "assay: digest", "assay: analysis"}
    assert wait_until(lambda: expected <= names(), seconds=60) is True


def test_it_stops_while_it_loads_its_programs(serving):
    serving.process.terminate()
    serving.process.wait(60)
    serving.process = serving.launch()
    assert wait_until(lambda: "postgres" in serving.said(), seconds=START_SECONDS) is True
    pids = serving.all_pids()

    serving.process.terminate()

    assert serving.process.wait(60) == 0
    assert wait_until(lambda: are_gone(pids), seconds=10) is True


def test_nonsense_in_the_environment_is_told_in_one_line(tmp_path):
    run = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=PROJECT,
        env={**os.environ, "ASSAY_DATA_DIR": str(tmp_path / "var"), "ASSAY_PORT": "eighty"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert run.returncode == 1
    assert run.stderr == "ASSAY_PORT must be a whole number, not 'eighty'\n"


def test_a_second_start_is_refused_in_one_line(serving):
    second = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=PROJECT,
        env=serving.environment(ASSAY_PORT=str(free_port())),
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert second.returncode == 1
    assert re.fullmatch(r"Already running on .* \(pid \d+\)\. .*\n", second.stderr)
    assert serving.is_ready() is True


def test_a_taken_port_is_told_in_one_line(serving, tmp_path):
    other = subprocess.run(
        [sys.executable, "manage.py", "serve"],
        cwd=PROJECT,
        env=serving.environment(ASSAY_DATA_DIR=str(tmp_path / "var")),
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert other.returncode == 1
    assert f"port {serving.port}: Address already in use" in other.stderr


def test_logs_are_json_lines_without_keys_or_passwords(serving):
    serving.request("/api/v1/ingest/status")
    folder = serving.root / "var" / "logs"

    text = "".join(path.read_text() for path in folder.iterdir())

    assert {path.stem for path in folder.iterdir()} >= NAMES
    assert all(json.loads(line)["message"] for line in text.splitlines())
    assert KEY not in text
    assert PASSWORD not in text


def test_it_prints_one_block_that_can_be_pasted(serving):
    block = serving.output.read_text().partition("Assay is ready")[2]
    curl = re.search(r"curl .*", block)[0]

    answer = subprocess.run(["sh", "-c", curl], capture_output=True, text=True, timeout=60)

    assert json.loads(answer.stdout) == {"accepted": 1, "rejected": []}
    assert f"http://127.0.0.1:{serving.port}/v1/traces" in block
    assert "admin" in block

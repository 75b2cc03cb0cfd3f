"""The loop that keeps children alive, with small programs in their place."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from core.embedded import child as child_module
from core.embedded.errors import EmbeddedError
from core.embedded.layout import DataDir
from core.embedded.locks import FileLock
from core.embedded.logfiles import LogFile
from core.embedded.plan import Plan
from core.embedded.postgres import death_signal
from core.embedded.processes import (
    MARKER,
    Started,
    record_processes,
    recorded_processes,
    start_time,
    stop_leftovers,
    wait_until,
)
from core.embedded.supervisor import refuse_taken_port
from core.embedded.tree import ProcessTree, StopRequested


def program(code: str):
    def launch(output: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", code],
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=death_signal(),
        )

    return launch


@pytest.fixture
def tree(tmp_path):
    tree = ProcessTree(DataDir(tmp_path))
    yield tree
    tree.stop([(list(tree.children), 1.0)])


LONG = 60.0  # seconds, on a machine however busy; children sleep much longer
SLEEP = "import time; time.sleep(300)"
DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "print('deaf', flush=True); time.sleep(300)"
)


def test_a_dead_child_is_started_again(tree):
    child = tree.add("web", program(SLEEP))
    first = child.pid

    os.kill(first, signal.SIGKILL)

    assert tree.pump_until(lambda: child.pid not in (first, None), seconds=LONG) is True


def test_restarts_wait_longer_each_time(tree, monkeypatch):
    monkeypatch.setattr(child_module, "FIRST_DELAY", 0.01)
    child = tree.add("web", program("raise SystemExit(3)"))

    tree.pump_until(lambda: child.failures == 4, seconds=LONG)

    assert child.exit_code == 3
    assert child.schedule_restart() == pytest.approx(0.16)


def test_a_child_that_lived_long_starts_again_without_a_history(tree):
    child = tree.add("web", program(SLEEP))
    child.failures = 6
    child.began_at -= child_module.STABLE_SECONDS + 1

    assert child.schedule_restart() == child_module.FIRST_DELAY


def test_what_a_dead_child_had_started_is_gone_too(tree):
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"
    child = tree.add("digest", program(code))
    main = psutil.Process(child.pid)
    tree.pump_until(lambda: bool(main.children()), seconds=LONG)
    grandchild = main.children()[0].pid

    os.kill(child.pid, signal.SIGKILL)
    tree.pump_until(lambda: child.failures == 1, seconds=LONG)

    assert wait_until(lambda: start_time(grandchild) is None, seconds=LONG) is True


def test_it_kills_who_does_not_stop_in_time(tree):
    child = tree.add("web", program(DEAF))
    tree.pump_until(lambda: '"deaf"' in child.log.path.read_text(), seconds=LONG)
    began = time.monotonic()

    tree.stop([(["web"], 0.3)])

    assert child.exit_code == -signal.SIGKILL
    assert time.monotonic() - began < LONG


def test_groups_stop_in_order(tree):
    code = (
        "import signal, sys, time\n"
        "def stop(*_): print(time.monotonic(), flush=True); sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop); print('ready', flush=True); time.sleep(300)"
    )
    children = [tree.add(name, program(code)) for name in ("web", "postgres")]
    tree.pump_until(lambda: all("ready" in c.log.path.read_text() for c in children), seconds=LONG)

    tree.stop([(["web"], LONG), (["postgres"], LONG)])

    web, postgres = (float(json.loads(c.log.tail(2)[0])["message"]) for c in children)
    assert web < postgres


def test_a_program_that_cannot_be_started_is_tried_again(tree):
    def launch(output: int):
        raise FileNotFoundError("no such program")

    child = tree.add("web", launch)

    assert child.restart_at is not None
    assert "no such program" in child.log.path.read_text()


def test_loading_ends_as_soon_as_somebody_wants_the_end(tree):
    done = []

    def load():
        tree.request_stop(signal.SIGTERM, None)
        done.append("the rest")

    with pytest.raises(StopRequested), tree.interruptible():
        load()

    assert done == []


def test_loading_that_caught_the_wish_ends_after_all(tree):
    def load():
        with contextlib.suppress(Exception):  # as around an optional import
            tree.request_stop(signal.SIGTERM, None)

    with pytest.raises(StopRequested), tree.interruptible():
        load()


def test_a_wish_to_end_is_only_noted_otherwise(tree):
    with tree.interruptible():
        pass

    tree.request_stop(signal.SIGTERM, None)

    assert tree.is_stopping is True


def test_leftovers_of_a_killed_run_are_stopped(tmp_path):
    left = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    record = tmp_path / "processes.json"
    record_processes(record, [Started("web", left.pid, start_time(left.pid))])

    assert stop_leftovers(record, tmp_path) == ["web"]
    assert left.wait(LONG) == -signal.SIGTERM


def test_a_stranger_with_a_reused_pid_is_left_alone(tmp_path):
    stranger = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
    record = tmp_path / "processes.json"
    record_processes(record, [Started("web", stranger.pid, start_time(stranger.pid) - 5)])

    assert stop_leftovers(record, tmp_path) == []
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_orphans_whose_leader_is_dead_are_found_by_their_marker(tmp_path):
    code = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEP!r}]); print(1)"
    environment = {**os.environ, MARKER: str(tmp_path)}
    leader = subprocess.Popen(
        [sys.executable, "-c", code],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
    )
    started = start_time(leader.pid)
    leader.wait(LONG)
    record = tmp_path / "processes.json"
    record_processes(record, [Started("digest", leader.pid, started)])

    assert stop_leftovers(record, tmp_path) == ["digest"]
    assert stop_leftovers(record, tmp_path) == []


@pytest.mark.parametrize("text", ["", "{", "[1]", '[{"name": "web"}]'])
def test_a_damaged_record_names_nobody(tmp_path, text):
    record = tmp_path / "processes.json"
    record.write_text(text)

    assert recorded_processes(record) == []


def test_a_lock_ends_with_its_holder_and_is_not_inherited(tmp_path):
    lock = FileLock(tmp_path / "serve.lock")
    lock.acquire()
    heir = subprocess.Popen([sys.executable, "-c", SLEEP], close_fds=False)
    with pytest.raises(EmbeddedError, match=f"pid {os.getpid()}"):
        FileLock(tmp_path / "serve.lock").acquire()

    lock.release()
    again = FileLock(tmp_path / "serve.lock")
    again.acquire()
    again.release()
    heir.kill()
    heir.wait()


def test_a_taken_port_is_named(tmp_path):
    import socket

    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        plan = Plan(
            project="",
            root=str(tmp_path),
            host="127.0.0.1",
            port=port,
            web_workers=1,
            digest_workers=1,
            embedded=True,
            pg_bin="",
        )
        with pytest.raises(EmbeddedError, match=f"port {port}: Address already in use.*ASSAY_PORT"):
            refuse_taken_port(plan)


def test_log_files_hold_json_lines_whatever_a_child_says(tmp_path):
    log = LogFile(tmp_path, "web")

    log.feed(b'{"at": "x", "message": "kept"}\nplain \xff te')
    log.feed(b"xt\n\n")

    rows = [json.loads(line) for line in log.path.read_text().splitlines()]
    assert rows[0] == {"at": "x", "message": "kept"}
    assert (rows[1]["source"], rows[1]["message"]) == ("web", "plain \ufffd text")
    log.close()


def test_log_files_rotate(tmp_path):
    log = LogFile(tmp_path, "web", max_bytes=300)

    for number in range(20):
        log.feed(f"line {number}\n".encode())
    log.close()

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["web.log", "web.log.1", "web.log.2", "web.log.3", "web.log.4"]
    assert "line 19" in log.path.read_text()

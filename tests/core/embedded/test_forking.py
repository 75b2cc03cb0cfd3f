"""Programs in copies of a process that has loaded them: each copy is on its own."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.embedded.processes import command_of, group_members, start_time, wait_until

PROJECT = Path(__file__).resolve().parents[3]
LONG = 60.0  # seconds, on a machine however busy; children sleep much longer
SLEEP = "import time; time.sleep(300)"


@pytest.fixture
def folder(tmp_path) -> Path:
    (tmp_path / "sleeping.py").write_text(SLEEP)
    return tmp_path


def parent(code: str, folder: Path, **options) -> subprocess.Popen[str]:
    """A process that forks, without pytest's threads; ``out`` is where its children write."""
    begin = (
        "import os, signal, sys, time\n"
        "from core.embedded.forking import fork_program\n"
        "out = os.open('out.txt', os.O_WRONLY | os.O_CREAT | os.O_APPEND)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    return subprocess.Popen(
        [sys.executable, "-c", begin + code],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **options,
    )


def said(code: str, folder: Path) -> str:
    """What the children wrote when the parent has ended without complaint."""
    process = parent(code, folder)
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, ""), output + errors
    return (folder / "out.txt").read_text()


@contextmanager
def sleeping_child(folder: Path, *, before: str = ""):
    """A parent that sleeps, and the pid of its child that does."""
    code = (
        f"{before}\n"
        "child = fork_program(['sleeping.py'], title='assay: test', output=out)\n"
        "print(child.pid, flush=True); time.sleep(300)"
    )
    process = parent(code, folder)
    pid = int(process.stdout.readline())
    try:
        yield process, pid
    finally:
        process.kill()
        process.communicate()


def test_it_runs_a_file_and_a_module_with_their_arguments(folder):
    (folder / "shown.py").write_text("import sys; print(__name__, sys.argv[1:])")

    text = said(
        "for command in (['shown.py', 'a', 'b'], ['-m', 'shown', 'c']):\n"
        "    assert fork_program(command, title='t', output=out).wait() == 0",
        folder,
    )

    assert text == "__main__ ['a', 'b']\n__main__ ['c']\n"


@pytest.mark.parametrize(
    ("program", "code", "text"),
    [
        ("raise SystemExit(3)", 3, ""),
        ("import sys; sys.exit('no room')", 1, "no room\n"),
        ("1 / 0", 1, "ZeroDivisionError: division by zero\n"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, ""),
    ],
    ids=["code", "text", "exception", "signal"],
)
def test_it_tells_how_the_program_ended(folder, program, code, text):
    (folder / "ending.py").write_text(program)

    output = said(
        f"assert fork_program(['ending.py'], title='t', output=out).wait() == {code}", folder
    )

    assert output.endswith(text)


def test_a_copy_holds_nothing_of_its_parent(folder):
    (folder / "open.py").write_text(
        "import os; print(sorted(map(int, os.listdir('/proc/self/fd'))))"
    )

    text = said(
        "pipes = [os.pipe() for _ in range(5)]\n"
        "fork_program(['open.py'], title='t', output=out).wait()",
        folder,
    )

    assert text == "[0, 1, 2, 3]\n"  # 3 is the listing itself


def test_a_lock_of_the_parent_ends_with_it(folder):
    lock = (
        "from pathlib import Path; from core.embedded.locks import FileLock\n"
        "lock = FileLock(Path('serve.lock')); lock.acquire()"
    )
    with sleeping_child(
        folder, before=lock + "\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)"
    ) as (
        process,
        pid,
    ):
        descriptors = [os.readlink(f"/proc/{pid}/fd/{n}") for n in os.listdir(f"/proc/{pid}/fd")]

        assert not [name for name in descriptors if name.endswith("serve.lock")]


def test_a_copy_leads_its_own_group_and_is_called_by_its_title(folder):
    with sleeping_child(folder) as (_, pid):
        assert group_members(pid) == [pid]
        assert wait_until(lambda: command_of(pid) == ["assay: test"], seconds=LONG) is True
        assert Path(f"/proc/{pid}/comm").read_text() == "assay: test\n"


def test_a_copy_does_not_inherit_what_its_parent_does_about_signals(folder):
    handlers = "for n in (15, 2, 1, 17): signal.signal(n, lambda *_: None)"
    with sleeping_child(folder, before=handlers) as (process, pid):
        os.kill(pid, signal.SIGTERM)

        assert wait_until(lambda: start_time(pid) is None, seconds=LONG) is True
        assert process.poll() is None


def test_a_copy_is_gone_when_its_parent_is_killed(folder):
    with sleeping_child(folder) as (process, pid):
        process.kill()

        assert wait_until(lambda: start_time(pid) is None, seconds=LONG) is True


def test_copies_draw_different_random_numbers(folder):
    (folder / "draw.py").write_text(
        "import random, secrets, uuid, tempfile, ssl\n"
        "print(random.random(), secrets.token_hex(8), uuid.uuid4(), ssl.RAND_bytes(8).hex(),\n"
        "      next(tempfile._get_candidate_names()))"
    )

    text = said(
        "import random, secrets, ssl, tempfile, uuid\n"
        "random.random(), ssl.RAND_bytes(8), next(tempfile._get_candidate_names())\n"
        "for _ in range(2): fork_program(['draw.py'], title='t', output=out).wait()",
        folder,
    )

    first, second = (line.split() for line in text.splitlines())
    assert len(first) == 5
    assert not set(first) & set(second)


def output_of(code, data_dir):
    """What a Python of its own prints: whoever runs the tests has threads and connections."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=PROJECT,
        env={**os.environ, "ASSAY_DATA_DIR": str(data_dir)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_what_is_loaded_before_has_no_thread_no_connection_and_no_open_file(tmp_path):
    code = (
        "import os, threading\n"
        "before = set(os.listdir('/proc/self/fd'))\n"
        "from core.embedded.preload import load_programs; load_programs()\n"
        "from django.db import connections\n"
        "print(threading.active_count(), len(os.listdir('/proc/self/task')),\n"
        "      set(os.listdir('/proc/self/fd')) - before,\n"
        "      [c.connection for c in connections.all(initialized_only=True)])"
    )
    threads, tasks, rest = output_of(code, tmp_path).strip().split(" ", 2)
    assert (threads, tasks) == ("1", "1")
    assert rest in {"set() []", "set() [None]"}


def test_workers_that_are_copies_do_not_stop_one_another(tmp_path):
    code = (
        "import os\n"
        "from core.embedded.preload import load_programs; load_programs()\n"
        "from celery import signals\n"
        "from core import celery\n"
        "def worker(stops):\n"
        "    pid = os.fork()\n"
        "    if pid == 0:\n"
        "        signals.celeryd_init.send(sender='w', instance=None, conf=celery.app.conf)\n"
        "        if stops: signals.worker_shutting_down.send(sender='w')\n"
        "        os._exit(celery.is_stopping() * 2 + (celery.main.pid == os.getpid()))\n"
        "    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])\n"
        "print(worker(True), worker(False), celery.is_stopping())"
    )
    assert output_of(code, tmp_path) == "3 1 False\n"

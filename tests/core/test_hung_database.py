"""Connections of a web server whose PostgreSQL, or one process of it, is stopped and not dead."""

import contextlib
import os
import signal
import socket
import time

import psycopg
import pytest
from django.db import connection

from core.database import watch as watching
from core.database.watch import WatchedConnection, watch
from core.embedded.processes import wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(watching, "PATIENCE", 0.3)
    watch.is_on = True
    yield
    watch.is_on = False


@pytest.fixture
def watched(db):
    with WatchedConnection.connect(**connection.get_connection_params(), autocommit=True) as opened:
        yield opened


@pytest.fixture
def stopped(watched):
    """The same, with its process of the server stopped."""
    pid = watched.info.backend_pid
    try:
        os.kill(pid, signal.SIGSTOP)
    except (PermissionError, ProcessLookupError):
        pytest.skip("the server is not ours to stop")
    yield watched
    os.kill(pid, signal.SIGCONT)


@pytest.fixture
def silent_server(monkeypatch):
    """Takes connections and never says a word, as one does whose main process is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = str(listening.getsockname()[1])
        for name, value in {"HOST": "127.0.0.1", "PORT": port, "PASSWORD": "x"}.items():
            monkeypatch.setitem(connection.settings_dict, name, value)
        yield
        monkeypatch.undo()
        assert wait_until(lambda: not watch.is_hanging, seconds=10) is True


def test_a_slow_statement_is_waited_for(watched):
    row = watched.execute("SELECT 'done' FROM pg_sleep(1)").fetchone()

    assert row == ("done",)


def test_a_stopped_process_is_given_up_and_others_are_served(stopped):
    with pytest.raises(psycopg.OperationalError, match="process for this connection hangs"):
        stopped.execute("SELECT 1")

    assert stopped.closed is True
    with WatchedConnection.connect(**connection.get_connection_params()) as other:
        assert other.execute("SELECT 1").fetchone() == (1,)


def test_a_statement_that_ends_while_it_is_asked_about_is_not_given_up(watched):
    """Its process is idle again, but not since before the statement was sent."""
    time.sleep(0.5)

    assert watching.is_stuck(watched.info.backend_pid, silent=0.3) is True
    assert watching.is_stuck(watched.info.backend_pid, silent=30.0) is False


def test_a_server_that_answers_nobody_is_refused_at_once_until_it_does(stopped, silent_server):
    with pytest.raises(psycopg.OperationalError, match="timeout"):
        stopped.execute("SELECT 1")
    assert stopped.closed is True

    began = time.monotonic()
    for _ in range(20):
        with pytest.raises(psycopg.OperationalError, match="hangs"):
            watch.refuse()
    assert time.monotonic() - began < watching.DEADLINE * 5  # asking twenty times takes longer


def test_it_is_told_when_a_new_connection_is_not_answered(silent_server):
    wrapper = connection.copy()

    with pytest.raises(psycopg.OperationalError, match="timeout"):
        wrapper.get_new_connection(wrapper.get_connection_params())

    assert watch.is_hanging is True


def test_a_full_queue_is_no_answer(monkeypatch, tmp_path):
    """Questions that nobody accepted stay in it: a unix socket refuses the next one at once."""
    monkeypatch.setitem(connection.settings_dict, "HOST", str(tmp_path))
    monkeypatch.setitem(connection.settings_dict, "PORT", "5432")
    path = str(tmp_path / ".s.PGSQL.5432")
    with socket.socket(socket.AF_UNIX) as listening, contextlib.ExitStack() as waiting:
        listening.bind(path)
        listening.listen(1)
        for _ in range(2):
            waiting.enter_context(socket.socket(socket.AF_UNIX)).connect(path)

        with pytest.raises(psycopg.errors.ConnectionTimeout, match="nobody accepts"):
            watching.is_stuck(0, 0.0)


def test_nobody_is_refused_for_ever_when_it_cannot_be_asked(monkeypatch, caplog):
    """Whatever else goes wrong, those who need the database find out by themselves."""

    def out_of_files(pid, silent):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(watching, "is_stuck", out_of_files)
    monkeypatch.setattr(watching, "PAUSE", 0.05)

    watch.note_hang()

    assert wait_until(lambda: not watch.is_hanging, seconds=5) is True
    assert "cannot be asked" in caplog.text

"""SIGSTOP of PostgreSQL under a running installation: worse than death, which closes sockets."""

import contextlib
import json
import os
import signal
from collections.abc import Iterator
from typing import Any

import psutil
import psycopg
import pytest

from core.embedded.web import THREADS
from tests.benchmarks.installation import Installation
from tests.benchmarks.metering import name_of
from tests.chaos.asking import ask, ask_at_once, event, stored

pytestmark = pytest.mark.chaos
FEW_SECONDS = 10.0  # on a machine busy with other tests; else four


@contextlib.contextmanager
def stopped(pids: list[int]) -> Iterator[None]:
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def server_pids(installation: Installation) -> list[int]:
    """The main process of PostgreSQL first, then all of its own."""
    children = psutil.Process(installation.pid).children()
    main = next(child for child in children if name_of(child.pid) == "postgres")
    return [main.pid, *(child.pid for child in main.children())]


@contextlib.contextmanager
def stopped_connections(installation: Installation) -> Iterator[None]:
    """The server's processes that serve a connection, but for those at work: one that is stopped
    then may hold a lock that the others wait for."""
    with installation.database() as connection:
        while True:
            resting = resting_pids(connection)
            with stopped(resting):
                if set(resting) <= set(resting_pids(connection)):
                    yield
                    return


def resting_pids(connection: psycopg.Connection[Any]) -> list[int]:
    rows = connection.execute(
        "SELECT pid FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND state = 'idle' AND pid <> pg_backend_pid()"
    )
    return [int(pid) for (pid,) in rows]


def test_everybody_is_answered_and_nothing_is_lost(installation: Installation) -> None:
    before = stored(installation)["stored_events"]
    first = [ask(installation, *event(f"first-{number}"))[0] for number in range(3)]
    events = [event(f"second-{number}") for number in range(8)]

    with stopped(server_pids(installation)):
        answers = ask_at_once(installation, events)
        ready = ask(installation, "GET", "/readyz")
        again = ask_at_once(installation, events)

    assert first == [202, 202, 202]
    assert {(answer[0], answer[1]) for answer in answers} == {(503, "1")}
    assert max(answer[3] for answer in answers) < FEW_SECONDS
    assert ready[0] == 503
    assert json.loads(ready[2])["checks"]["database"] == "the database does not answer"
    assert {(answer[0], answer[1]) for answer in again} == {(503, "1")}
    assert max(answer[3] for answer in again) < 3.0
    installation.wait_ready(seconds=120)
    assert {ask(installation, *call)[0] for call in events} == {202}
    assert stored(installation)["stored_events"] == before + 11
    assert installation.run_command("verify_rollups").returncode == 0


def test_a_page_says_that_the_database_is_away(installation: Installation) -> None:
    with stopped(server_pids(installation)):
        status, retry, text, _ = ask(installation, "GET", "/", cookie=f"sessionid={'s' * 32}")
    installation.wait_ready(seconds=120)

    assert (status, retry) == (503, "1")
    assert "The database is away" in text


def test_stopped_connections_alone_are_replaced(installation: Installation) -> None:
    before = stored(installation)["stored_events"]
    ask(installation, *event("before"))
    # Each thread of the server finds out about its own connection.
    calls = [event(f"fourth-{number}") for number in range(THREADS)]

    with stopped_connections(installation):
        answers = ask_at_once(installation, [event("third-1"), event("third-2")])
        later = [ask(installation, *call) for call in calls]
    installation.wait_ready(seconds=120)

    assert {answer[0] for answer in answers} <= {202, 503}
    assert max(answer[3] for answer in [*answers, *later]) < FEW_SECONDS
    assert later[-1][0] == 202
    for call in (event("third-1"), event("third-2"), *calls):
        assert ask(installation, *call)[0] == 202
    assert stored(installation)["stored_events"] == before + 3 + THREADS

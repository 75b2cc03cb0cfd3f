"""Somebody else holds every connection that PostgreSQL gives."""

import contextlib
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.benchmarks.installation import Installation
from tests.chaos.asking import ask, event, stored

pytestmark = pytest.mark.chaos
OTHERS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE backend_type = 'client backend' AND pid <> ALL (%s)"
)


@contextlib.contextmanager
def all_connections(installation: Installation) -> Iterator[int]:
    """Ends those of others until none is left for them; gives how many that makes."""
    held: list[psycopg.Connection[Any]] = []

    def take_the_rest() -> None:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                held.append(installation.database())

    try:
        take_the_rest()
        for _ in range(20):
            own = [connection.info.backend_pid for connection in held]
            ended = held[0].execute(OTHERS, [own]).fetchall()
            take_the_rest()
            if not ended:
                break
        yield len(held)
    finally:
        for connection in held:
            connection.close()


def test_it_answers_503_and_goes_on_when_there_are_some_again(installation: Installation) -> None:
    before = stored(installation)["stored_events"]
    assert ask(installation, *event("first"))[0] == 202

    with all_connections(installation) as n:
        answers = [ask(installation, *event(f"refused-{number}")) for number in range(5)]
        ready = ask(installation, "GET", "/readyz")

    assert n > 10
    assert {(answer[0], answer[1]) for answer in answers} == {(503, "1")}
    assert max(answer[3] for answer in answers) < 5.0
    assert ready[0] == 503
    installation.wait_ready(seconds=30)
    again = [ask(installation, *event(f"refused-{number}"))[0] for number in range(5)]
    assert set(again) == {202}
    status = stored(installation)
    assert (status["stored_events"], status["quarantined"]) == (before + 6, 0)
    assert installation.run_command("verify_rollups").returncode == 0

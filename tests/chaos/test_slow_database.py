"""A database that takes two seconds for each row that a door stores."""

import time

import pytest

from tests.benchmarks.installation import Installation
from tests.chaos.asking import Answer, ask, ask_at_once, event, slow, stored

pytestmark = pytest.mark.chaos
AT_ONCE = 60


def test_few_wait_and_the_others_are_told_at_once(installation: Installation) -> None:
    before = stored(installation)["stored_events"]
    events = [event(f"slow-{number}") for number in range(AT_ONCE)]

    with slow(installation, 2.0):
        ask_at_once(installation, events[:8])  # every thread finds out
        answers = ask_at_once(installation, events)
        page = ask(installation, "GET", "/login")

    assert {answer[0] for answer in answers} == {202, 503}
    refused = [answer for answer in answers if answer[0] == 503]
    assert len(refused) > AT_ONCE / 2
    assert {answer[1] for answer in refused} == {"1"}
    assert max(answer[3] for answer in answers) < 10.0
    assert sorted(answer[3] for answer in refused)[len(refused) // 2] < 2.0
    assert (page[0], page[3] < 2.0) == (200, True)
    again = [ask(installation, *call) for call in events]
    assert {answer[0] for answer in again} == {202}
    assert max(answer[3] for answer in again) < 2.0
    assert stored(installation)["stored_events"] == before + AT_ONCE
    assert installation.run_command("verify_rollups").returncode == 0


def test_a_little_slower_refuses_nobody(installation: Installation) -> None:
    answers: list[Answer] = []
    with slow(installation, 0.1):
        began = time.monotonic()
        while time.monotonic() - began < 2.0:
            calls = [event(f"later-{len(answers) + n}") for n in range(8)]
            answers += ask_at_once(installation, calls)

    assert {answer[0] for answer in answers} == {202}

"""SIGTERM and SIGHUP while clients send: requests that are here are answered, nothing is lost."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Any

import psutil
import pytest

from tests.benchmarks.installation import Installation, running_installation
from tests.benchmarks.metering import name_of
from tests.chaos.asking import Answer, ask, event, slow, stored
from tests.chaos.sending import Senders, Traffic
from tests.chaos.verifying import assert_nothing_is_wrong

pytestmark = pytest.mark.chaos
ENOUGH, WITHIN_SECONDS = 200, 30.0  # acknowledged spans between two stops
AT_ONCE = 6
CHILDREN = ("web", "digest", "analysis", "postgres")


@pytest.fixture
def installation() -> Iterator[Installation]:
    with running_installation(ASSAY_WEB_WORKERS="1", ASSAY_DIGEST_WORKERS="1") as installation:
        yield installation


def web_pid(installation: Installation) -> int:
    children = psutil.Process(installation.pid).children()
    return next(child.pid for child in children if name_of(child.pid) == "web")


def exit_codes(installation: Installation) -> dict[str, list[int]]:
    """How each child ended, each time; that of a signal is negative."""
    return {
        name: [line["code"] for line in log_of(installation, name) if line["message"] == "ended"]
        for name in CHILDREN
    }


def log_of(installation: Installation, name: str) -> list[dict[str, Any]]:
    lines = (installation.data_dir.logs / f"{name}.log").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_a_stop_under_load_ends_everybody_in_time_and_loses_nothing(
    installation: Installation,
) -> None:
    senders = Senders(installation, Traffic(seed=3))
    senders.start()
    try:
        for _ in range(2):
            senders.ledger.wait_for_more(ENOUGH, seconds=WITHIN_SECONDS)
            installation.stop()
            installation.start()
        senders.ledger.wait_for_more(ENOUGH, seconds=WITHIN_SECONDS)
        os.kill(web_pid(installation), signal.SIGHUP)  # web processes are replaced one by one
        senders.ledger.wait_for_more(5 * ENOUGH, seconds=WITHIN_SECONDS)
    finally:
        senders.stop()

    # Workers end their work sooner than the supervisor loses patience and kills them.
    codes = exit_codes(installation)
    assert {name: len(ended) for name, ended in codes.items()} == dict.fromkeys(CHILDREN, 2)
    assert -signal.SIGKILL not in {code for ended in codes.values() for code in ended}
    assert_nothing_is_wrong(installation, senders.ledger)


def answers_across_a_stop(installation: Installation, *, takes: float) -> list[Answer]:
    """Of requests that are being stored when the web server is told to stop."""
    answers: list[Answer] = []

    def send(number: int) -> None:
        answers.append(ask(installation, *event(f"{takes}-{number}")))

    with slow(installation, takes):
        threads = [threading.Thread(target=send, args=(number,)) for number in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        time.sleep(0.2)
        os.kill(web_pid(installation), signal.SIGTERM)
        for thread in threads:
            thread.join()
    installation.wait_ready(seconds=60)
    return answers


def test_requests_in_flight_are_finished_or_to_be_sent_again(installation: Installation) -> None:
    before = stored(installation)["stored_events"]

    finished = answers_across_a_stop(installation, takes=0.4)
    refused = answers_across_a_stop(installation, takes=6.0)
    again = [ask(installation, *event(f"6.0-{number}"))[0] for number in range(AT_ONCE)]

    assert [answer[0] for answer in finished] == [202] * AT_ONCE
    assert [answer[:2] for answer in refused] == [(503, "1")] * AT_ONCE
    assert {json.loads(answer[2])["type"] for answer in refused} == {"urn:assay:problem:stopping"}
    assert again == [202] * AT_ONCE
    assert stored(installation)["stored_events"] == before + 2 * AT_ONCE
    assert installation.run_command("verify_rollups").returncode == 0

"""kill -9 of every process of the tree, twice, while clients send; of the supervisor too."""

import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.benchmarks.installation import Installation
from tests.chaos.killing import Role, kill, schedule
from tests.chaos.sending import Ledger, Senders, SpanId, Traffic

# Another seed is another order of deaths: CHAOS_SEED=7 pytest tests/chaos
SEED = int(os.environ.get("CHAOS_SEED", "1"))
pytestmark = pytest.mark.chaos
ENOUGH, RECOVERY_SECONDS = 50, 10.0  # acknowledged spans between two deaths
UNANSWERED = {"ConnectionRefusedError", "ConnectionResetError", "RemoteDisconnected"}
UNANSWERED |= {"BrokenPipeError", "IncompleteRead", "BadStatusLine"}


@pytest.fixture
def installation() -> Iterator[Installation]:
    installation = Installation(ASSAY_WEB_WORKERS="1", ASSAY_DIGEST_WORKERS="2")
    try:
        installation.start()
        yield installation
    finally:
        installation.delete()


def test_it_loses_nothing_that_was_acknowledged(installation: Installation) -> None:
    rng = random.Random(SEED)
    senders = Senders(installation, Traffic(SEED))
    senders.start()
    try:
        missing = [role for role in schedule(rng) if not strike(installation, senders, role, rng)]
        for _ in range(2):
            senders.ledger.wait_for_more(ENOUGH, seconds=RECOVERY_SECONDS)
            kill_supervisor(installation)
            installation.start()
        time.sleep(2.0)
    finally:
        senders.stop()
    status = installation.wait_drained()

    assert missing == []
    assert_answers_were_expected(senders.ledger)
    assert_nothing_is_lost(senders.ledger, stored_ids(installation))
    assert_ledger_closes(senders.ledger, status)
    assert_no_drift(installation)


def strike(installation: Installation, senders: Senders, role: Role, rng: random.Random) -> bool:
    """Kill one while requests are answered, not while everybody waits for the last one killed."""
    senders.ledger.wait_for_more(ENOUGH, seconds=RECOVERY_SECONDS)
    time.sleep(rng.uniform(0.0, 0.4))
    return kill(installation, role, rng)


def kill_supervisor(installation: Installation) -> None:
    """Its children die with it; whatever is left is for the next start to find."""
    assert installation.process is not None
    os.kill(installation.pid, signal.SIGKILL)
    installation.process.wait()


def stored_ids(installation: Installation) -> list[SpanId]:
    with installation.database() as connection:
        rows = connection.execute(
            "SELECT trace_id, span_id FROM tracking_event WHERE span_id <> ''"
        )
        return [(str(trace), str(span)) for trace, span in rows]


def assert_answers_were_expected(ledger: Ledger) -> None:
    unexpected = ledger.answers.keys() - {"200", "202", "503"} - UNANSWERED

    assert unexpected == set(), (ledger.answers, ledger.bodies[:3])
    assert ledger.acknowledged


def assert_nothing_is_lost(ledger: Ledger, stored: list[SpanId]) -> None:
    assert len(stored) == len(set(stored))
    assert ledger.acknowledged - set(stored) == set()
    assert set(stored) - ledger.sent == set()


def assert_ledger_closes(ledger: Ledger, status: dict[str, int]) -> None:
    """A request that broke off may have been committed; one that was acknowledged has been."""
    kinds = ("stored_events", "duplicate_events", "rejected_events", "quarantined")
    counted = sum(status[kind] for kind in kinds)

    assert status["quarantined"] == 0
    assert status["stored_events"] == len(ledger.acknowledged)
    assert 0 <= counted - ledger.items_acknowledged <= ledger.items_unsure


def assert_no_drift(installation: Installation) -> None:
    verified = installation.run_command("verify_rollups")

    assert verified.returncode == 0, verified.stdout + verified.stderr

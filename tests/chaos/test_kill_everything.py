"""kill -9 of every process of the tree, twice, while clients send; of the supervisor too."""

import os
import random
import signal
import time
from collections.abc import Iterator

import pytest

from tests.benchmarks.installation import Installation
from tests.chaos.killing import Role, kill, schedule
from tests.chaos.sending import Senders, Traffic
from tests.chaos.verifying import assert_nothing_is_wrong

# Another seed is another order of deaths: CHAOS_SEED=7 pytest tests/chaos
SEED = int(os.environ.get("CHAOS_SEED", "1"))
pytestmark = pytest.mark.chaos
ENOUGH, RECOVERY_SECONDS = 50, 10.0  # acknowledged spans between two deaths


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

    assert missing == []
    assert_nothing_is_wrong(installation, senders.ledger)


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

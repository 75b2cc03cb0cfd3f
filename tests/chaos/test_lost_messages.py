"""A broker that forgets its messages while clients send: what waits in PostgreSQL is found."""

import json
import shutil
import time

import pytest

from tests.benchmarks.installation import Installation, running_installation
from tests.chaos.sending import Senders, Traffic
from tests.chaos.verifying import assert_nothing_is_wrong

pytestmark = pytest.mark.chaos
LOAD_SECONDS, LATE_SECONDS = 4.0, 15.0


def test_it_costs_time_alone() -> None:
    with running_installation(ASSAY_WEB_WORKERS="1", ASSAY_DIGEST_WORKERS="1") as installation:
        senders = Senders(installation, Traffic(seed=5))
        senders.start()
        try:
            n_lost = lose_messages(installation, seconds=LOAD_SECONDS)
            shutil.rmtree(installation.data_dir.broker, ignore_errors=True)
            time.sleep(1.0)
        finally:
            senders.stop()
        n_lost += lose_messages(installation, seconds=0.5)  # the last bells, too
        began = time.monotonic()
        installation.wait_drained()
        late = time.monotonic() - began

        assert n_lost > 2
        assert len(senders.ledger.acknowledged) > 500
        assert late < LATE_SECONDS
        assert_nothing_is_wrong(installation, senders.ledger)
        workers = ("digest", "analysis")
        assert [name for name in workers if "ended" in messages_of(installation, name)] == []


def messages_of(installation: Installation, name: str) -> list[str]:
    """What the log of a process says."""
    lines = (installation.data_dir.logs / f"{name}.log").read_text().splitlines()
    return [json.loads(line)["message"] for line in lines]


def lose_messages(installation: Installation, *, seconds: float) -> int:
    """Delete what waits in the broker, and what is sent meanwhile; tell how many messages."""
    folder, until, n_lost = installation.data_dir.broker / "messages", time.monotonic() + seconds, 0
    while time.monotonic() < until:
        for path in folder.iterdir() if folder.exists() else ():
            path.unlink(missing_ok=True)
            n_lost += 1
        time.sleep(0.005)
    return n_lost

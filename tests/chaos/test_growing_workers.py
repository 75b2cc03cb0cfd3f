"""Workers that take too much memory are replaced, and what they worked on is stored."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest

from tests.benchmarks.installation import PROJECT, Installation, running_installation
from tests.benchmarks.metering import name_of
from tests.chaos.asking import ask, event

pytestmark = pytest.mark.chaos
N_ITEMS = 9_900
MANY_LISTS = [[0]] * 300  # of a body of 15 MB they make several hundred in a worker


def pool_pids(installation: Installation) -> list[int]:
    children = psutil.Process(installation.pid).children()
    digest = next(child for child in children if name_of(child.pid) == "digest")
    return [child.pid for child in digest.children()]


def test_a_process_of_the_pool_is_replaced_and_nothing_is_lost() -> None:
    moment = "2026-11-01T00:00:00Z"
    items = [
        {"type": "kept", "id": f"i{n}", "timestamp": moment, "data": {"lists": MANY_LISTS}}
        for n in range(N_ITEMS)
    ]
    body = json.dumps(items, separators=(",", ":")).encode()
    with running_installation(ASSAY_WEB_WORKERS="1", ASSAY_DIGEST_WORKERS="1") as installation:
        before = pool_pids(installation)

        assert ask(installation, "POST", "/api/v1/events", body)[0] == 202
        assert ask(installation, *event("after"))[0] == 202

        status = installation.wait_drained()
        installation.wait_for(
            lambda: pool_pids(installation) not in (before, []),
            what="the process is still there",
            seconds=30,
            pause=0.1,
        )
        assert ask(installation, *event("to the next"))[0] == 202
        later = installation.wait_drained()
        verified = installation.run_command("verify_rollups").returncode

    assert (status["stored_events"], status["quarantined"]) == (N_ITEMS + 1, 0)
    assert (later["stored_events"], verified) == (N_ITEMS + 2, 0)


def test_a_worker_without_a_pool_ends_by_itself_and_leaves_what_waits(tmp_path) -> None:
    first = start_small_worker(tmp_path, 3)
    said = first.communicate(timeout=60)[0]
    second = start_small_worker(tmp_path, 0)
    assert second.stdout is not None
    taken = second.stdout.readline()
    os.kill(second.pid, signal.SIGTERM)
    rest = second.communicate(timeout=60)[0]

    assert (first.returncode, said.count("held")) == (0, 2)
    assert "and ends to be started anew" in said
    assert (second.returncode, (taken + rest).count("held")) == (0, 1)


def start_small_worker(folder, messages: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.chaos.small_worker", str(messages)],
        cwd=PROJECT,
        env={**os.environ, "ASSAY_DATA_DIR": str(folder), "C_FORCE_ROOT": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

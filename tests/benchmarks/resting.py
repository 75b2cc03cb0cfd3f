"""What an installation costs that does nothing, and how soon it is there again."""

import time

from tests.benchmarks.metering import Meter, tree_pss
from tests.benchmarks.results import Row, below
from tests.benchmarks.run import Run

MIB = 1024 * 1024
# First heartbeats, ticks and looks at the inbox; and twice the nap of autovacuum, which
# sees to what the loads before left.
SETTLE_SECONDS = 45.0


def startup(run: Run) -> list[Row]:
    """Stop, and start again with the data there."""
    installation = run.installation
    stopped = installation.stop()
    second = installation.start()
    return [
        Row("startup", "first start, ready", run.first_start_s, "s"),
        Row("startup", "stop", stopped, "s", below(10)),
        Row("startup", "second start, ready", second, "s", below(6)),
    ]


def idle(run: Run) -> list[Row]:
    run.installation.wait_drained()
    time.sleep(run.seconds(usual=SETTLE_SECONDS, quick=4))
    seconds = run.seconds(usual=30, quick=10)
    with Meter(run.installation.pid, interval=seconds + 1) as meter:
        time.sleep(seconds)
    usage = meter.usage
    rows = [
        Row("idle", "memory of the tree", tree_pss(run.installation.pid) / MIB, "MiB", below(500)),
        Row("idle", "CPU of the tree", usage.cpu_s / usage.seconds * 100, "% of a core", below(3)),
    ]
    return rows + [
        Row("idle", f"  of it {part}", spent / usage.seconds * 100, "% of a core")
        for part, spent in sorted(usage.cpu_by_part.items())
    ]

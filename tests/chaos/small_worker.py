"""A worker without a pool, as that of the slow queues is, whose tasks hold on to memory.

python -m tests.chaos.small_worker MESSAGES: so many wait for it at first. It prints a line a task.
"""

import sys

import django

from core import celery
from core.embedded.programs import QUIET
from core.memory import resident_kb

HELD_KB, MORE_KB = 40_000, 60_000
held = []


@celery.app.task(name="hold")
def hold() -> None:
    held.append(b"x" * HELD_KB * 1024)
    print("held", flush=True)


if __name__ == "__main__":
    django.setup()
    for _ in range(int(sys.argv[1])):
        hold.apply_async(queue="slow")
    celery.MEMORY_WITHOUT_POOL_KB = resident_kb() + MORE_KB
    celery.app.worker_main(["--quiet", "worker", "-Q", "slow", "-P", "solo", *QUIET])

"""Which programs the tree consists of, and how each is started."""

import os
import subprocess
import sys
from typing import IO

from core.embedded.plan import Plan
from core.embedded.postgres import death_signal
from core.embedded.processes import MARKER
from core.scheduling import OPTION

CELERY = ["-m", "celery", "--quiet", "-A", "core.celery", "worker", "--loglevel=INFO"]
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


def child_environment(plan: Plan) -> dict[str, str]:
    return {
        **os.environ,
        MARKER: str(plan.data_dir.root),
        "DJANGO_SETTINGS_MODULE": "core.settings",
        "ASSAY_DATA_DIR": str(plan.data_dir.root),
        # glibc keeps a heap for each thread, numpy a thread pool for each core: memory for nothing.
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        # Root is what containers run as; Celery's warning is about pickle, which is not accepted.
        "C_FORCE_ROOT": "1",
        # `manage.py check` is part of the tests; in a worker it would load every page's code.
        "CELERY_SKIP_CHECKS": "1",
    }


def web_command(plan: Plan) -> list[str]:
    return ["-m", "core.embedded.web", plan.host, str(plan.port), str(plan.web_workers)]


def digest_command(plan: Plan) -> list[str]:
    return [*CELERY, "-n", "digest@%h", "-Q", "digest", "-c", str(plan.digest_workers), *QUIET]


def analysis_command(plan: Plan) -> list[str]:
    """The slow queues; carries the scheduler, which only one worker may.

    One process without a pool: its tasks come one at a time anyway, and a child would cost 40 MB.
    """
    return [*CELERY, "-n", "analysis@%h", "-Q", "analysis,slow", "-P", "solo", OPTION, *QUIET]


def manage_command(*arguments: str) -> list[str]:
    return ["manage.py", *arguments]


def launch_python(
    plan: Plan, arguments: list[str], *, output: int, stdout: int | IO[bytes] | None = None
) -> "subprocess.Popen[bytes]":
    """A Python program of the project in a session of its own, gone when the supervisor is.

    Its own session, so that Ctrl-C reaches the supervisor alone, which then stops in order.
    """
    return subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=output if stdout is None else stdout,
        stderr=output,
        cwd=plan.project,
        env=child_environment(plan),
        start_new_session=True,
        preexec_fn=death_signal(),
    )

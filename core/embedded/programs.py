"""Which programs the tree consists of, and what all of them are given."""

import os
import sys
from pathlib import Path

from core.embedded.layout import DataDir
from core.embedded.plan import Plan
from core.embedded.processes import MARKER

CELERY = ["-m", "celery", "--quiet", "-A", "core.celery", "worker", "--loglevel=INFO"]
SCHEDULER = "--with-scheduler"  # an option of ours: core.scheduling
QUIET = ["--without-gossip", "--without-mingle", "--without-heartbeat"]


def served_environment(project: Path, data_dir: DataDir) -> dict[str, str]:
    """Of the supervisor, and so of all that it forks."""
    return {
        **os.environ,
        **bytecode_cache(project, data_dir),
        MARKER: str(data_dir.root),
        "DJANGO_SETTINGS_MODULE": "core.settings",
        "ASSAY_DATA_DIR": str(data_dir.root),
        # glibc keeps a heap for each thread, numpy a thread pool for each core: memory for nothing.
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        # Root is what containers run as; Celery's warning is about pickle, which is not accepted.
        "C_FORCE_ROOT": "1",
        # `manage.py check` is part of the tests; in a worker it would load every page's code.
        "CELERY_SKIP_CHECKS": "1",
    }


def bytecode_cache(project: Path, data_dir: DataDir) -> dict[str, str]:
    """Where Python keeps what it compiled, when it may not or cannot beside the sources.

    PYTHONDONTWRITEBYTECODE, usual in containers, would else have every start compile two thousand
    modules, which takes five times as long as all the rest of loading them.
    """
    if not sys.dont_write_bytecode and os.access(project, os.W_OK):
        return {}
    folder = os.environ.get("PYTHONPYCACHEPREFIX", "") or str(data_dir.bytecode)
    return {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": folder}


def web_command(plan: Plan) -> list[str]:
    return ["-m", "core.embedded.web", plan.bind_address, str(plan.port), str(plan.web_workers)]


def digest_command(plan: Plan) -> list[str]:
    return [*CELERY, "-n", "digest@%h", "-Q", "digest", "-c", str(plan.digest_workers), *QUIET]


def analysis_command(plan: Plan) -> list[str]:
    """The slow queues; carries the scheduler, which only one worker may.

    One process without a pool: its tasks come one at a time anyway, and a child would cost 40 MB.
    """
    return [*CELERY, "-n", "analysis@%h", "-Q", "analysis,slow", "-P", "solo", SCHEDULER, *QUIET]


def manage_command(*arguments: str) -> list[str]:
    return ["manage.py", *arguments]

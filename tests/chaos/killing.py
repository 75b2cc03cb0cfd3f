"""Who is killed: every kind of process of the tree, by its place in it."""

import contextlib
import random
import signal
import time

import psutil

from tests.benchmarks.installation import Installation
from tests.benchmarks.metering import name_of

MAINS = ("web", "digest", "analysis", "postgres")
ALONE = {"analysis"}  # one process: it has no pool
APPEARS_SECONDS = 60.0
Role = tuple[str, bool]  # a child of the supervisor, and whether one of its own children is meant


def schedule(rng: random.Random, *, rounds: int = 2) -> list[Role]:
    """Every role once a round, shuffled."""
    roles = [(main, False) for main in MAINS] + [
        (main, True) for main in MAINS if main not in ALONE
    ]
    return [role for _ in range(rounds) for role in rng.sample(roles, len(roles))]


def candidates(installation: Installation, role: Role) -> list[psutil.Process]:
    main, is_below = role
    with contextlib.suppress(psutil.NoSuchProcess):
        mains = [
            process
            for process in psutil.Process(installation.pid).children()
            if name_of(process.pid) == main
        ]
        found = [child for process in mains for child in process.children()] if is_below else mains
        return sorted(found, key=lambda process: process.pid)
    return []


def kill(installation: Installation, role: Role, rng: random.Random) -> bool:
    """SIGKILL to one that has the role, waiting for it to be there; False when none came."""
    deadline = time.monotonic() + APPEARS_SECONDS
    while time.monotonic() < deadline:
        if found := candidates(installation, role):
            with contextlib.suppress(psutil.NoSuchProcess):
                rng.choice(found).send_signal(signal.SIGKILL)
                return True
        time.sleep(0.1)
    return False

"""What PostgreSQL spends on whom: CPU of its backends by the names of who is connected."""

import threading
from collections import Counter
from typing import Any

import psycopg

from tests.benchmarks.installation import Installation
from tests.benchmarks.metering import cpu_seconds

CONNECTED = "SELECT pid, application_name FROM pg_stat_activity WHERE application_name <> ''"


class BackendMeter:
    """``with BackendMeter(installation) as meter: …`` then ``meter.seconds`` by name.

    A backend that ends meanwhile counts as far as it was when last looked at.
    """

    def __init__(self, installation: Installation, *, interval: float = 0.5) -> None:
        self.installation, self.interval = installation, interval
        self.seconds: Counter[str] = Counter()
        self.stopped = threading.Event()

    def __enter__(self) -> "BackendMeter":
        with self.installation.database() as database:
            self.before = look(database)
        self.latest = dict(self.before)
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopped.set()
        self.thread.join()
        for (pid, name), seconds in self.latest.items():
            self.seconds[name] += seconds - self.before.get((pid, name), 0.0)

    def _watch(self) -> None:
        with self.installation.database() as database:
            while not self.stopped.wait(self.interval):
                self.latest |= look(database)
            self.latest |= look(database)


def look(database: psycopg.Connection[Any]) -> dict[tuple[int, str], float]:
    """CPU seconds of each named backend since it began."""
    return {(pid, name): cpu_seconds(pid) for pid, name in database.execute(CONNECTED).fetchall()}

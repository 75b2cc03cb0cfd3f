"""How many receipts wait for a slow database at once: few, so that threads are left. Pure.

A database that takes seconds for a row would have every thread of the server wait for it, and a
queue of requests behind them that their clients gave up long ago.
"""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SLOW_SECONDS = 1.0
FEW = 2  # go on when it is slow, and find out when it is not any more


class SlowError(Exception):
    """It is slow, and enough wait for it already."""


class Patience:
    """One for all threads of a process."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._numbers = itertools.count()
        self._began: dict[int, float] = {}
        self._latest = 0.0  # seconds that the last one took
        self._lock = threading.Lock()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Around what waits for the database. Raises SlowError."""
        with self._lock:
            now = self._now()
            if len(self._began) >= FEW and self._is_slow(now):
                raise SlowError
            number = next(self._numbers)
            self._began[number] = now
        try:
            yield
        finally:
            with self._lock:
                self._latest = self._now() - self._began.pop(number)

    def _is_slow(self, now: float) -> bool:
        return max(self._latest, now - min(self._began.values())) > SLOW_SECONDS

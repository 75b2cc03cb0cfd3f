"""Giving memory back, for processes that work in bursts."""

import ctypes
import gc
import os
import resource
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

STATM = Path("/proc/self/statm")  # in pages; the second is what is resident

SOON_SECONDS = 3.0

_lock = threading.Lock()
_timer: threading.Timer | None = None


def freeze_loaded() -> None:
    """Leave what is loaded alone from here on: a collector that touches it copies its pages in
    every child, and keeps a request waiting while it walks hundreds of thousands of objects."""
    gc.collect()
    gc.freeze()


@contextmanager
def paused_collector() -> Iterator[None]:
    """For work on many long-lived records without cycles, which the collector would walk again and
    again: references alone free them."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def give_back() -> None:
    """Return what a burst left on the heap: glibc keeps freed memory for a next one."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # absent in musl
        if trim is not None:
            trim(0)


def give_back_soon() -> None:
    """The same in some seconds, once for all bursts until then, by a thread of its own."""
    global _timer
    with _lock:
        if _timer is None or not _timer.is_alive():
            _timer = threading.Timer(SOON_SECONDS, give_back)
            _timer.daemon = True
            _timer.start()


def resident_kb() -> int:
    """What this process holds now, with what it shares; elsewhere than on Linux, the most it ever
    held."""
    if STATM.exists():
        return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

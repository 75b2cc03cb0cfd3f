"""Giving memory back, for processes that work in bursts."""

import ctypes
import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


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

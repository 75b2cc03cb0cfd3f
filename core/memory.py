"""Giving memory back, for processes that work in bursts."""

import ctypes
import gc
import sys


def share_before_fork() -> None:
    """Leave what is loaded alone from here on: a collector that touches objects copies their pages
    in every child."""
    gc.collect()
    gc.freeze()


def give_back() -> None:
    """Return what a burst left on the heap: glibc keeps freed memory for a next one."""
    gc.collect()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # absent in musl
        if trim is not None:
            trim(0)

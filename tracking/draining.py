"""Emptying the inbox: what a digest worker does from a bell until nothing is left."""

import time
from collections.abc import Callable

from django.utils import timezone

from tracking import doorbell
from tracking.digest import digest_lease
from tracking.leases import claim

QUEUE = "digest"
LONGEST = 20.0  # seconds; then other tasks of the queue get their turn


def drain(*, slot: int, stop: Callable[[], bool] = lambda: False) -> int:
    """Digest until the inbox is empty, and return the number of items."""
    doorbell.answer(QUEUE)
    until = time.monotonic() + LONGEST
    n_items, helper_called = 0, False
    while time.monotonic() < until and not stop():
        lease = claim(timezone.now())
        if lease is None:
            return n_items
        if lease.more and not helper_called:
            helper_called = doorbell.ring_now(QUEUE)
        digested = digest_lease(lease, slot=slot, now=timezone.now())
        if not digested:
            return n_items  # what failed may be cured by the next sweep
        n_items += digested
    return n_items

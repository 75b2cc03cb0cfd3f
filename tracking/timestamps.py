"""Which times are accepted, and what stands in for the others. Pure.

Accepted is from the project's horizon to receipt plus a day. Earlier is refused at the door; later
or missing takes the time of receipt (the first one, kept for the item's identity by ``digest``).
"""

from typing import NamedTuple

from tracking.events import Receipt

AHEAD_US = 24 * 3600 * 1_000_000
CLOCK_MISSING = "clock_missing"
CLOCK_AHEAD = "clock_ahead"
END_MISSING = "end_missing"
END_AHEAD = "end_ahead"
END_BEFORE_START = "end_before_start"


class Settled(NamedTuple):
    """When a span happened. ``ns_rest`` and the whole microseconds give back the sent times
    exactly, unless ``warnings`` says that a time was replaced."""

    occurred_us: int
    duration_us: int
    ns_rest: int
    needs_clock: bool
    warnings: tuple[str, ...]


def is_expired(occurred_us: int, receipt: Receipt) -> bool:
    """Tell whether a stated time is before the horizon. Zero and less count as no time at all."""
    return 0 < occurred_us < receipt.horizon_us


def settle_moment(occurred_us: int | None, receipt: Receipt) -> tuple[int, bool, tuple[str, ...]]:
    """The time of a point, whether it needs the clock of first receipt, and warnings."""
    if occurred_us is None or occurred_us <= 0:
        return receipt.received_us, True, (CLOCK_MISSING,)
    if occurred_us > receipt.received_us + AHEAD_US:
        return receipt.received_us, True, (CLOCK_AHEAD,)
    return occurred_us, False, ()


def settle_span(start_ns: int, end_ns: int, receipt: Receipt) -> Settled:
    """The times of a span from nanoseconds since 1970."""
    latest_us = receipt.received_us + AHEAD_US
    start_us, start_rest = divmod(start_ns, 1000)
    end_us, end_rest = divmod(end_ns, 1000)
    if 0 < start_us <= end_us <= latest_us and start_ns <= end_ns:
        return Settled(start_us, end_us - start_us, start_rest * 1000 + end_rest, False, ())
    return _settle_odd_span(start_ns, end_ns, receipt)


def _settle_odd_span(start_ns: int, end_ns: int, receipt: Receipt) -> Settled:
    start_us = start_ns // 1000
    occurred_us, needs_clock, warnings = settle_moment(start_us, receipt)
    if end_ns <= 0:
        return Settled(occurred_us, 0, 0, needs_clock, (*warnings, END_MISSING))
    if end_ns < start_ns:
        return Settled(occurred_us, 0, 0, needs_clock, (*warnings, END_BEFORE_START))
    if start_us <= 0 or (not needs_clock and end_ns // 1000 > receipt.received_us + AHEAD_US):
        return Settled(occurred_us, 0, 0, needs_clock, warnings or (END_AHEAD,))
    duration_us = min(end_ns // 1000 - start_us, AHEAD_US)  # of a clock ahead, the length may hold
    return Settled(occurred_us, duration_us, 0, needs_clock, warnings)

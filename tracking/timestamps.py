"""Which times are accepted, and what stands in for the others. Pure.

Accepted is from the project's horizon to receipt plus a day. Earlier is refused at the door; later
or missing takes the time of receipt (the first one, kept for the item's identity by ``digest``).
Nothing that was observed ends after it was received: who says so has a clock that is ahead, which
is told and corrects nothing. A clock that is behind looks like data that comes late.
"""

from typing import NamedTuple

from tracking.events import Receipt

AHEAD_US = 24 * 3600 * 1_000_000
SKEW_US = 60 * 1_000_000
"""As much do clocks of machines that set them by one another differ, and more."""

CLOCK_MISSING = "clock_missing"
CLOCK_AHEAD = "clock_ahead"
CLOCK_SKEW = "clock_skew"
END_MISSING = "end_missing"
END_AHEAD = "end_ahead"
END_BEFORE_START = "end_before_start"


class Settled(NamedTuple):
    """When a span happened. ``ns_rest`` and the whole microseconds give back the sent times
    exactly, unless one ``is_replaced``."""

    occurred_us: int
    duration_us: int
    ns_rest: int
    needs_clock: bool
    warnings: tuple[str, ...]

    @property
    def is_replaced(self) -> bool:
        return any(warning != CLOCK_SKEW for warning in self.warnings)


def is_expired(occurred_us: int, receipt: Receipt) -> bool:
    """Tell whether a stated time is before the horizon. Zero and less count as no time at all."""
    return 0 < occurred_us < receipt.horizon_us


def settle_moment(occurred_us: int | None, receipt: Receipt) -> tuple[int, bool, tuple[str, ...]]:
    """The time of a point, whether it needs the clock of first receipt, and warnings."""
    if occurred_us is None or occurred_us <= 0:
        return receipt.received_us, True, (CLOCK_MISSING,)
    if occurred_us > receipt.received_us + AHEAD_US:
        return receipt.received_us, True, (CLOCK_AHEAD,)
    return occurred_us, False, (CLOCK_SKEW,) if is_skewed(occurred_us, receipt) else ()


def is_skewed(moment_us: int, receipt: Receipt) -> bool:
    return moment_us > receipt.received_us + SKEW_US


def settle_span(start_ns: int, end_ns: int, receipt: Receipt) -> Settled:
    """The times of a span from nanoseconds since 1970."""
    ahead_us = receipt.received_us + AHEAD_US
    start_us, start_rest = divmod(start_ns, 1000)
    end_us, end_rest = divmod(end_ns, 1000)
    if 0 < start_us <= end_us <= ahead_us and start_ns <= end_ns:
        warnings = (CLOCK_SKEW,) if is_skewed(end_us, receipt) else ()
        return Settled(start_us, end_us - start_us, start_rest * 1000 + end_rest, False, warnings)
    return _settle_odd_span(start_ns, end_ns, receipt)


def _settle_odd_span(start_ns: int, end_ns: int, receipt: Receipt) -> Settled:
    start_us = start_ns // 1000
    occurred_us, needs_clock, warnings = settle_moment(start_us, receipt)
    if end_ns <= 0:
        return Settled(occurred_us, 0, 0, needs_clock, (*warnings, END_MISSING))
    if end_ns < start_ns:
        return Settled(occurred_us, 0, 0, needs_clock, (*warnings, END_BEFORE_START))
    if start_us <= 0 or (not needs_clock and end_ns // 1000 > receipt.received_us + AHEAD_US):
        warnings = warnings if needs_clock else (*warnings, END_AHEAD)
        return Settled(occurred_us, 0, 0, needs_clock, warnings)
    duration_us = min(end_ns // 1000 - start_us, AHEAD_US)  # of a clock ahead, the length may hold
    return Settled(occurred_us, duration_us, 0, needs_clock, warnings)

"""UTC time ranges and buckets. Pure: the clock is passed in.

Ranges are half-open and lie on whole hours, because sums are kept by the hour: a range is widened
to the hours it touches, never narrowed.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import TypeVar

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MAX_SPAN = timedelta(days=1_100)
MAX_BUCKETS = 2_200
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)

Value = TypeVar("Value")


class RangeError(ValueError):
    """A time range that cannot be read, with the reason for the person who asked.

    ``field``: the parameter that is wrong, as URLs name it: from, to, range or interval.
    """

    def __init__(self, message: str, field: str = "from") -> None:
        super().__init__(message)
        self.field = field


class Interval(StrEnum):
    MINUTE = "minute"
    FIVE_MINUTES = "5min"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def step(self) -> timedelta:
        return STEPS[self]


STEPS = {
    Interval.MINUTE: timedelta(minutes=1),
    Interval.FIVE_MINUTES: timedelta(minutes=5),
    Interval.HOUR: HOUR,
    Interval.DAY: DAY,
    Interval.WEEK: timedelta(weeks=1),
}
UNITS = {"m": timedelta(minutes=1), "h": HOUR, "d": DAY, "w": timedelta(weeks=1)}
PRESET = re.compile(r"([1-9][0-9]{0,4})([mhdw])", re.ASCII)


def floor_to(at: datetime, interval: Interval) -> datetime:
    """Return the start of the bucket; weeks start on Monday, everything in UTC."""
    since = at.astimezone(UTC) - MONDAY
    return MONDAY + since // interval.step * interval.step


def ceil_to(at: datetime, interval: Interval) -> datetime:
    floor = floor_to(at, interval)
    return floor if floor == at else floor + interval.step


@dataclass(frozen=True, slots=True)
class TimeRange:
    """From ``start`` (within) to ``end`` (without), to be shown in buckets of ``interval``."""

    start: datetime
    end: datetime
    interval: Interval

    @property
    def span(self) -> timedelta:
        return self.end - self.start

    def buckets(self) -> Iterator[datetime]:
        """Every bucket the range touches; the first may begin before the range does."""
        at = floor_to(self.start, self.interval)
        while at < self.end:
            yield at
            at += self.interval.step

    def previous(self) -> "TimeRange":
        """The range of the same length just before, to compare with."""
        return TimeRange(self.start - self.span, self.start, self.interval)

    def contains(self, at: datetime) -> bool:
        return self.start <= at < self.end


def fill_gaps(
    time_range: TimeRange, values: Mapping[datetime, Value], empty: Value
) -> list[tuple[datetime, Value]]:
    """One value for every bucket, ``empty`` where there is none."""
    return [(at, values.get(at, empty)) for at in time_range.buckets()]


def pick_interval(span: timedelta) -> Interval:
    """The finest interval, kept sums allowing, that still makes a readable chart."""
    if span <= timedelta(days=4):
        return Interval.HOUR
    return Interval.DAY if span <= timedelta(days=120) else Interval.WEEK


def parse_range(
    preset: str = "",
    *,
    start: str = "",
    end: str = "",
    interval: str = "",
    now: datetime,
    default: str = "24h",
) -> TimeRange:
    """Read what a URL says: a preset such as ``24h`` or ``7d``, or ISO times ``start`` to ``end``.

    Times without a zone are UTC. A day as the end means the whole of it. Without an end: now.
    """
    if start or end:
        until = _parse_time("to", end) if end else now
        since = _parse_time("from", start) if start else until - _parse_preset(default)
    else:
        until = now
        since = now - _parse_preset(preset or default)
    return _checked(since, until, interval)


def _checked(since: datetime, until: datetime, interval: str) -> TimeRange:
    if since >= until:
        raise RangeError("The start of the time range must lie before its end.")
    if until - since > MAX_SPAN:
        raise RangeError(f"A time range holds at most {MAX_SPAN.days} days.")
    try:
        first, last = floor_to(since, Interval.HOUR), ceil_to(until, Interval.HOUR)
    except OverflowError as error:
        raise RangeError("The time range lies outside of the calendar.") from error
    chosen = _parse_interval(interval) or pick_interval(last - first)
    if (last - first) / chosen.step > MAX_BUCKETS:
        raise RangeError(f"Too many buckets of '{chosen}': choose a longer interval.", "interval")
    return TimeRange(first, last, chosen)


def _parse_preset(text: str) -> timedelta:
    match = PRESET.fullmatch(text)
    if match is None:
        raise RangeError("A time range reads like 90m, 24h, 7d or 4w.", "range")
    span = int(match[1]) * UNITS[match[2]]
    if span > MAX_SPAN:
        raise RangeError(f"A time range holds at most {MAX_SPAN.days} days.", "range")
    return span


def _parse_interval(text: str) -> Interval | None:
    if not text:
        return None
    try:
        return Interval(text)
    except ValueError as error:
        # Finer ones are widened where sums are kept by the hour: nobody is told to ask for them.
        known = ", ".join(each for each in Interval if each.step >= HOUR)
        raise RangeError(f"An interval is one of {known}.", "interval") from error


def _parse_time(field: str, text: str) -> datetime:
    # A '+' that was not percent-encoded in a URL arrives as a space.
    text = re.sub(r" (?=\d\d:?\d\d$)", "+", text.strip())
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            day = datetime.combine(date.fromisoformat(text), time(), tzinfo=UTC)
            return day + DAY if field == "to" else day
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        message = "Times are ISO 8601, such as 2026-05-31 or 2026-05-31T08:00Z."
        raise RangeError(message, field) from error

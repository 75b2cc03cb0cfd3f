"""Times as senders write them, to nanoseconds since 1970 UTC. Pure."""

import math
import re
from datetime import UTC, datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_is_number = re.compile(r"-?\d{9,}(\.\d*)?|-?\d{1,7}(\.\d*)?").fullmatch
_find_leap_second = re.compile(r"(.*T\d\d:?\d\d:?)60(?=\D|$)(.*)", re.IGNORECASE).fullmatch
_find_nanoseconds = re.compile(r"[.,]\d{6}(\d{1,3})").search
_MAX_DIGITS = 40

# Numbers are told apart by size: each unit covers the years 1973 to 5138 or so.
_NS_A_UNIT = ((1e11, 1_000_000_000), (1e14, 1_000_000), (1e17, 1_000), (math.inf, 1))


class BadTimeError(ValueError):
    """The value is no time. The message says what would be one."""


def parse_time(value: object) -> int | None:
    """Return nanoseconds since 1970; None when there is no time in it.

    Takes ISO 8601 (with Z, an offset or neither, which is UTC; a date alone is its midnight) and
    numbers of seconds, milliseconds, microseconds or nanoseconds, as numbers or as text.
    """
    if isinstance(value, str):
        return _parse_text(value.strip())
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _parse_number(value)
    raise BadTimeError(f"a time is ISO 8601 text or a number, not {_name_of(value)}")


def _parse_text(text: str) -> int | None:
    if not text:
        return None
    if text[4:5] != "-" and len(text) <= _MAX_DIGITS and _is_number(text):
        return _parse_number(float(text) if "." in text else int(text))
    try:
        moment = datetime.fromisoformat(text if text[-1] != "z" else text[:-1] + "Z")
    except ValueError:
        if len(text) <= _MAX_DIGITS and (leap := _find_leap_second(text)):
            # As POSIX counts them, a leap second is the second after it.
            before = _parse_text(f"{leap[1]}59{leap[2]}")
            return None if before is None else before + 1_000_000_000
        shown = text if len(text) <= _MAX_DIGITS else text[:_MAX_DIGITS] + "…"
        raise BadTimeError(f"{shown!r} is not a time like 2026-03-04T09:15:00.000Z") from None
    since = moment - _EPOCH if moment.tzinfo else moment.replace(tzinfo=UTC) - _EPOCH
    ns = (since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds) * 1000
    if len(text) > 26 and (found := _find_nanoseconds(text)):
        ns += int(found[1].ljust(3, "0"))
    return ns


def _parse_number(value: float) -> int:
    if isinstance(value, float) and not math.isfinite(value):
        raise BadTimeError("a time must be a finite number")
    size = abs(value)
    scale = next(scale for limit, scale in _NS_A_UNIT if size < limit or limit == math.inf)
    if isinstance(value, int):
        return value * scale
    # Whole microseconds: a float holds no more of today's times.
    return round(value * (scale / 1000)) * 1000 if scale >= 1000 else int(value)


def _name_of(value: object) -> str:
    names = {bool: "true or false", list: "an array", dict: "an object"}
    return names.get(type(value), type(value).__name__)

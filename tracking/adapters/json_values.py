"""Strangers' JSON, read without trust: a value of another type counts as absent. Pure."""

import math
from typing import Any

from tracking.adapters.analytics_times import BadTimeError, parse_time
from tracking.adapters.dialects.codecs import MAX_COUNT

LONGEST_MS = 86_400_000.0  # a day: nothing here lasts longer
GREATEST_MONEY = 1e15  # what is no cost of a call any more is told of when it is priced

JsonObject = dict[str, Any]  # an object of any shape


def text(value: object) -> str:
    return value if isinstance(value, str) else ""


def name(value: object) -> str:
    """An id or a name, which some write as a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return text(value)


def obj(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def objects(value: object) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < 1e300 and math.isfinite(value) else None


def count(value: object) -> int | None:
    """A number of tokens: whole, from 0, within what a column holds."""
    found = number(value)
    if found is None or not 0 <= found <= MAX_COUNT or found != int(found):
        return None
    return int(found)


def money(value: object) -> float | None:
    found = number(value)
    return found if found is not None and 0 <= found < GREATEST_MONEY else None


def length_us(ms: object) -> int | None:
    """A length in milliseconds as whole microseconds."""
    found = number(ms)
    return round(found * 1000) if found is not None and 0 <= found <= LONGEST_MS else None


def moment_us(value: object) -> int | None:
    """A time in any of the usual forms, as microseconds since 1970; None when it is none."""
    try:
        at_ns = parse_time(value)
    except (BadTimeError, OverflowError):
        return None
    return at_ns // 1000 if at_ns is not None and at_ns > 0 else None


def first(*values: object) -> Any:  # the first that is there, of the caller's types
    return next((value for value in values if value not in (None, "")), None)

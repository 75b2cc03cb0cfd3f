"""Values of Dogpile's JSON, read with tolerance: what has the wrong type counts as absent. Pure."""

import sys
from functools import lru_cache

import msgspec

from tracking.adapters.analytics_times import BadTimeError, parse_time
from tracking.adapters.dogpile.halves import show_halves
from tracking.cleaning import clean_text

JsonObject = dict[str, object]

GREATEST_COUNT = 2**53

_canonical = msgspec.json.Encoder(order="sorted").encode


class Cost(msgspec.Struct, frozen=True, order=True):
    """Dogpile's CostSummary; in events always the running total of the run."""

    tokens: int = 0
    usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0

    def since(self, other: "Cost") -> "Cost":
        """What was added after ``other``; a total that fell added nothing."""
        return Cost(
            max(0, self.tokens - other.tokens),
            max(0.0, round(self.usd - other.usd, 12)),
            max(0, self.tokens_in - other.tokens_in),
            max(0, self.tokens_out - other.tokens_out),
        )

    def plus(self, other: "Cost") -> "Cost":
        return Cost(
            self.tokens + other.tokens,
            self.usd + other.usd,
            self.tokens_in + other.tokens_in,
            self.tokens_out + other.tokens_out,
        )


NO_COST = Cost()


def canonical(value: object) -> bytes:
    """A value from :func:`parse_items` as it is stored: keys sorted, no spaces. What is read back
    is written by ``ecmascript``."""
    return _canonical(value)


def open_body(body: bytes) -> JsonObject:
    """A stored piece as it is read: halves of characters are replacement characters."""
    value: JsonObject = msgspec.json.decode(show_halves(body))
    return value


def object_of(value: object) -> JsonObject:
    return value if isinstance(value, dict) else {}


def objects_of(value: object) -> list[JsonObject]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def text_of(value: object) -> str:
    return clean_text(value) if isinstance(value, str) else ""


def first_text(*values: object) -> str:
    return next((text for value in values if (text := text_of(value))), "")


def number_of(value: object) -> float | None:
    """A finite number; a whole one that no float holds counts as absent."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= sys.float_info.max else None


def count_of(value: object) -> int | None:
    """A whole number that a column takes."""
    number = number_of(value)
    return int(number) if number is not None and 0 <= number <= GREATEST_COUNT else None


def json_text(value: object) -> str:
    """A text as it is, anything else as JSON."""
    return value if isinstance(value, str) else _canonical(value).decode()


def cost_of(value: object) -> Cost | None:
    """Read a CostSummary; None when it is no such object."""
    if not isinstance(value, dict):
        return None
    tokens_in = count_of(value.get("inputTokens")) or 0
    tokens_out = count_of(value.get("outputTokens")) or 0
    total = count_of(value.get("totalTokens"))
    usd = number_of(value.get("usd", value.get("costUsd")))
    return Cost(
        tokens_in + tokens_out if total is None else total,
        float(usd) if usd is not None and usd >= 0 else 0.0,
        tokens_in,
        tokens_out,
    )


def moment_of(value: object) -> int | None:
    """Microseconds since 1970; None when there is no time in it."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return _parse_moment(value)


@lru_cache(maxsize=16_384)  # each time of a run is looked at several times
def _parse_moment(value: str | float) -> int | None:
    try:
        ns = parse_time(value)
    except BadTimeError:
        return None
    return None if ns is None or ns <= 0 else ns // 1000


def time_of(event: JsonObject) -> int | None:
    """When an event was: model-request and model-response of 0.5 carry no ``at``."""
    for key in ("at", "completedAt", "startedAt"):
        moment = moment_of(event.get(key))
        if moment is not None:
            return moment
    return None

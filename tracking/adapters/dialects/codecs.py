"""From an attribute's value to a column's value and back. Pure.

``read`` gives the column's value, or None when the attribute cannot be used, and a warning code
when its type is not the documented one. ``write`` gives the attribute back from the column. The
column stands for the attribute only where ``write(read(raw))`` is ``raw`` in value and type;
everything else stays in the attributes as it was sent, so nothing is lost by a lenient ``read``.
"""

import math
from collections.abc import Callable

import msgspec

from tracking.cleaning import clean_name
from tracking.events import Kind

WRONG_TYPE = "attribute_type"
OUT_OF_RANGE = "attribute_range"
CUT = "attribute_cut"

MAX_INT = 2**63 - 1
MAX_TAGS = 100
MAX_METADATA_BYTES = 4096
MAX_FINITE_INT = 2**1023

Read = Callable[[object], tuple[object, str]]
Write = Callable[[object], object]


class Codec(msgspec.Struct, frozen=True):
    name: str
    read: Read
    write: Write


def same(left: object, right: object) -> bool:
    """Tell whether two values are equal in type too, all the way down (1, 1.0 and True differ)."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float) and isinstance(right, float):
        return left.hex() == right.hex()
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    return left == right


def _identity(value: object) -> object:
    return value


def _read_name(raw: object) -> tuple[object, str]:
    if isinstance(raw, str):
        name = clean_name(raw)
        return name or None, "" if name == raw else CUT
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(raw), ""
    return None, WRONG_TYPE


def _number(raw: object) -> float | int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int | float):
        return raw
    if isinstance(raw, str) and len(raw) <= 40:
        try:
            return int(raw) if raw.isdecimal() else float(raw)
        except ValueError:
            return None
    return None


def _read_count(raw: object) -> tuple[object, str]:
    number = _number(raw)
    if number is None:
        return None, WRONG_TYPE
    if not 0 <= number <= MAX_INT:  # NaN too
        return None, OUT_OF_RANGE
    if number != int(number):
        return None, WRONG_TYPE
    return int(number), "" if type(raw) is int else WRONG_TYPE


def _finite(raw: object) -> tuple[float | None, str]:
    """A finite number of at least zero as a float."""
    number = _number(raw)
    if number is None:
        return None, WRONG_TYPE
    if not 0 <= number <= MAX_FINITE_INT or not math.isfinite(number):
        return None, OUT_OF_RANGE
    return float(number), "" if isinstance(raw, int | float) else WRONG_TYPE


def _read_money(raw: object) -> tuple[object, str]:
    return _finite(raw)


def _read_seconds(raw: object) -> tuple[object, str]:
    number, warning = _finite(raw)
    if number is None or number > MAX_INT / 1e6:
        return None, warning or OUT_OF_RANGE
    return round(number * 1e6), warning


def _write_seconds(value: object) -> object:
    assert isinstance(value, int)
    return value / 1e6


def _read_first(raw: object) -> tuple[object, str]:
    if isinstance(raw, list):
        return _read_name(raw[0]) if raw else (None, "")
    return _read_name(raw)


def _write_first(value: object) -> object:
    return [value]


_KINDS = {kind.name: kind for kind in Kind if kind is not Kind.EVENT}
_KIND_NAMES = {int(kind): name for name, kind in _KINDS.items()}
_KIND_ALIASES = {"RERANKER": Kind.RETRIEVER, "PROMPT": Kind.CHAIN}


def _read_kind(raw: object) -> tuple[object, str]:
    if not isinstance(raw, str):
        return None, WRONG_TYPE
    name = raw.upper()
    kind = _KINDS.get(name, _KIND_ALIASES.get(name))
    return None if kind is None else int(kind), ""


def _write_kind(value: object) -> object:
    assert isinstance(value, int)
    return _KIND_NAMES.get(value, "")


def _read_tags(raw: object) -> tuple[object, str]:
    if isinstance(raw, str):
        raw = [raw]
    if not isinstance(raw, list):
        return None, WRONG_TYPE
    names = dict.fromkeys(clean_name(tag) for tag in raw[:MAX_TAGS] if isinstance(tag, str))
    names.pop("", None)
    return tuple(names) or None, "" if len(names) == len(raw) else CUT


def _write_tags(value: object) -> object:
    assert isinstance(value, tuple | list)
    return list(value)


def _read_text(raw: object) -> tuple[object, str]:
    return (raw, "") if isinstance(raw, str) and raw else (None, "")


def _write_structured(value: object) -> object:
    assert isinstance(value, str)
    return msgspec.json.decode(value)


def _read_structured(raw: object) -> tuple[object, str]:
    if isinstance(raw, list | dict):
        return msgspec.json.encode(raw).decode(), ""
    return _read_text(raw)


def _flat(value: object) -> object:
    """A value that a filter can compare: text, number, truth; anything deeper as its JSON text."""
    if isinstance(value, str):
        return clean_name(value)
    if isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return clean_name(msgspec.json.encode(value).decode())


def _read_metadata(raw: object) -> tuple[object, str]:
    if isinstance(raw, str):
        try:
            raw = msgspec.json.decode(raw)
        except (ValueError, RecursionError):
            return None, WRONG_TYPE
    if not isinstance(raw, dict):
        return None, WRONG_TYPE
    flat = {clean_name(str(key)): _flat(value) for key, value in raw.items() if value is not None}
    text = msgspec.json.encode(flat).decode()
    if len(text.encode()) > MAX_METADATA_BYTES:
        return None, CUT
    return (text if flat else None), ""


def _read_assignments(raw: object) -> tuple[object, str]:
    if isinstance(raw, str):
        try:
            raw = msgspec.json.decode(raw)
        except (ValueError, RecursionError):
            return None, WRONG_TYPE
    if not isinstance(raw, dict):
        return None, WRONG_TYPE
    pairs = [
        (clean_name(key), clean_name(variant))
        for key, variant in raw.items()
        if isinstance(variant, str) and key and variant
    ]
    return tuple(sorted(pairs)) or None, "" if len(pairs) == len(raw) else WRONG_TYPE


NAME = Codec("name", _read_name, _identity)
COUNT = Codec("count", _read_count, _identity)
MONEY = Codec("money", _read_money, _identity)
SECONDS = Codec("seconds", _read_seconds, _write_seconds)
FIRST = Codec("first", _read_first, _write_first)
KIND = Codec("kind", _read_kind, _write_kind)
TAGS = Codec("tags", _read_tags, _write_tags)
TEXT = Codec("text", _read_text, _identity)
BODY = Codec("body", _read_structured, _identity)
STRUCTURED = Codec("structured", _read_structured, _write_structured)
METADATA = Codec("metadata", _read_metadata, _identity)
ASSIGNMENTS = Codec("assignments", _read_assignments, _identity)

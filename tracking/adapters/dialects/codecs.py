"""From an attribute's value to a column's value and back. Pure.

``read`` gives the column's value, or None when the attribute cannot be used; whether ``write``
gives the attribute back from it, exact in value and type; and a warning code when the attribute is
not what is documented. What is not exact stays in the attributes as it was sent, so nothing is lost
by a lenient ``read``.
"""

import math
from collections.abc import Callable, Mapping

import msgspec

from tracking.cleaning import clean_name
from tracking.events import Kind

WRONG_TYPE = "attribute_type"
OUT_OF_RANGE = "attribute_range"
CUT = "attribute_cut"

MAX_INT = 2**63 - 1
MAX_COUNT = 10**12  # tokens of one span: sums of many such still fit a column
MAX_TAGS = 100
MAX_METADATA_BYTES = 4096
MAX_DIGITS = 40

Reading = tuple[object, bool, str]
Read = Callable[[object], Reading]
Write = Callable[[object], object]


class Codec(msgspec.Struct, frozen=True):
    name: str
    read: Read
    write: Write


def _identity(value: object) -> object:
    return value


def _read_name(raw: object) -> Reading:
    if isinstance(raw, str):
        name = clean_name(raw)
        return (name or None), name == raw, "" if name == raw else CUT
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return str(raw), False, ""
    return None, False, WRONG_TYPE


def _read_quoted_name(raw: object) -> Reading:
    """A name that was encoded as JSON, as MLflow writes every value: ``"\\"gpt-4o\\""``."""
    if isinstance(raw, str) and raw[:1] == '"':
        try:
            raw = msgspec.json.decode(raw)
        except ValueError:
            return None, False, WRONG_TYPE
    value, _, warning = _read_name(raw)
    return value, False, warning


def _read_vendor(raw: object) -> Reading:
    """The provider of ``provider.api``: "openai" of "openai.chat"."""
    value, exact, warning = _read_name(raw.partition(".")[0] if isinstance(raw, str) else raw)
    return value, exact and value == raw, warning


class _Parameters(msgspec.Struct):
    """Parameters of a call; what else they say is passed over."""

    model: str = ""


def _read_called_model(raw: object) -> Reading:
    """The model among the parameters of a call, a JSON object. Never exact: it is one of many."""
    if not isinstance(raw, str) or '"model"' not in raw:
        return None, False, ""
    try:
        model = msgspec.json.decode(raw, type=_Parameters).model
    except (ValueError, RecursionError):
        return None, False, ""
    return clean_name(model) or None, False, ""


def _number(raw: object) -> float | int | None:
    if isinstance(raw, bool):
        return None
    if isinstance(raw, int | float):
        return raw
    if isinstance(raw, str) and len(raw) <= MAX_DIGITS:
        try:
            return int(raw) if raw.isdecimal() else float(raw)
        except ValueError:
            return None
    return None


def _read_count(raw: object) -> Reading:
    if type(raw) is int and 0 <= raw <= MAX_COUNT:
        return raw, True, ""
    number = _number(raw)
    if number is None:
        return None, False, WRONG_TYPE
    if not 0 <= number <= MAX_COUNT:  # NaN too
        return None, False, OUT_OF_RANGE
    return (int(number) if number == int(number) else None), False, WRONG_TYPE


def _read_money(raw: object) -> Reading:
    if type(raw) is float and 0.0 < raw < math.inf:
        return raw, True, ""
    number = _number(raw)
    if number is None:
        return None, False, WRONG_TYPE
    if not 0 <= number <= MAX_INT:
        return None, False, OUT_OF_RANGE
    return abs(float(number)), False, WRONG_TYPE if isinstance(raw, str) else ""


def _read_seconds(raw: object) -> Reading:
    number = _number(raw)
    if number is None:
        return None, False, WRONG_TYPE
    if not 0 <= number <= MAX_INT / 1e6:
        return None, False, OUT_OF_RANGE
    us = round(number * 1e6)
    exact = type(raw) is float and us / 1e6 == raw and us > 0
    return us, exact, WRONG_TYPE if isinstance(raw, str) else ""


def _read_milliseconds(raw: object) -> Reading:
    """Never exact: whole microseconds times 1000 need not be the very double that was sent."""
    number = _number(raw)
    if number is None:
        return None, False, WRONG_TYPE
    if not 0 <= number <= MAX_INT / 1e3:
        return None, False, OUT_OF_RANGE
    return round(number * 1e3), False, WRONG_TYPE if isinstance(raw, str) else ""


def _write_seconds(value: object) -> object:
    assert isinstance(value, int)
    return value / 1e6


def _read_first(raw: object) -> Reading:
    if not isinstance(raw, list):
        value, _, warning = _read_name(raw)
        return value, False, warning
    if not raw:
        return None, False, ""
    value, exact, warning = _read_name(raw[0])
    return value, exact and len(raw) == 1, warning


def _write_first(value: object) -> object:
    return [value]


_KINDS = {kind.name: int(kind) for kind in Kind if kind is not Kind.EVENT}
_KIND_NAMES = {kind: name for name, kind in _KINDS.items()}
_KIND_ALIASES = {
    "RERANKER": int(Kind.RETRIEVER),
    "PROMPT": int(Kind.CHAIN),
    "DECISION": int(Kind.LLM),  # a model that answers typed questions
}


def _read_kind(raw: object) -> Reading:
    if not isinstance(raw, str):
        return None, False, WRONG_TYPE
    kind = _KINDS.get(raw)
    if kind is not None:
        return kind, True, ""
    name = raw.upper()
    return _KINDS.get(name, _KIND_ALIASES.get(name)), False, ""


def _write_kind(value: object) -> object:
    assert isinstance(value, int)
    return _KIND_NAMES.get(value, "")


def _read_tags(raw: object) -> Reading:
    sent = [raw] if isinstance(raw, str) else raw
    if not isinstance(sent, list):
        return None, False, WRONG_TYPE
    names = dict.fromkeys(clean_name(tag) for tag in sent[:MAX_TAGS] if isinstance(tag, str))
    names.pop("", None)
    kept = list(names)
    is_whole = kept == sent or all(tag in names or tag == "" for tag in map(_as_tag, sent))
    return tuple(kept) or None, kept == raw, "" if is_whole else CUT


def _as_tag(sent: object) -> str | None:
    return sent if isinstance(sent, str) else None


def _read_comma_tags(raw: object) -> Reading:
    """Tags as a list, as the JSON text of one, or in one text between commas."""
    sent = raw
    if isinstance(raw, str):
        sent = _list_in(raw) or [tag.strip() for tag in raw.split(",")]
    value, _, warning = _read_tags(sent)
    return value, False, warning


def _list_in(text: str) -> list[object] | None:
    try:
        found = msgspec.json.decode(text) if text[:1] == "[" else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, list) else None


def _write_tags(value: object) -> object:
    assert isinstance(value, tuple | list)
    return list(value)


def _read_text(raw: object) -> Reading:
    return (raw, True, "") if isinstance(raw, str) and raw else (None, False, "")


def _read_body(raw: object) -> Reading:
    """A text, or a structure that becomes one: exact either way, by a bit of its own."""
    if isinstance(raw, list | dict):
        return msgspec.json.encode(raw).decode(), True, ""
    return _read_text(raw)


def _flat(value: object) -> object:
    """A value that a filter can compare: text, number, truth; anything deeper as its JSON text."""
    if isinstance(value, str):
        return clean_name(value)
    if isinstance(value, bool | int | float):
        return value
    return clean_name(msgspec.json.encode(value).decode())


def _read_real_body(raw: object) -> Reading:
    """A body, unless it is what Google's ADK says where there is none."""
    return (None, False, "") if raw in _NO_BODIES else _read_body(raw)


_NO_BODIES: tuple[object, ...] = ("{}", "N/A", "<not serializable>", {})


def _object_of(raw: object) -> dict[str, object] | None:
    """An object, or a JSON text of one."""
    if isinstance(raw, str):
        try:
            raw = msgspec.json.decode(raw)
        except (ValueError, RecursionError):
            return None
    return raw if isinstance(raw, dict) else None


def _read_metadata(raw: object) -> Reading:
    """Never exact: its column is binary JSON, which keeps neither spaces nor order."""
    sent = _object_of(raw)
    if sent is None:
        return None, False, WRONG_TYPE
    flat = {clean_name(key): _flat(value) for key, value in sent.items() if value is not None}
    text = msgspec.json.encode(flat)
    if len(text) > MAX_METADATA_BYTES:
        return None, False, CUT
    return (text.decode() if flat else None), False, ""


def _read_assignments(raw: object) -> Reading:
    sent = _object_of(raw)
    if sent is None:
        return None, False, WRONG_TYPE
    pairs = {
        clean_name(key): clean_name(variant)
        for key, variant in sent.items()
        if isinstance(variant, str) and key and variant
    }
    warning = "" if len(pairs) == len(sent) else WRONG_TYPE
    return tuple(sorted(pairs.items())) or None, False, warning


NAME = Codec("name", _read_name, _identity)
COUNT = Codec("count", _read_count, _identity)
MONEY = Codec("money", _read_money, _identity)
SECONDS = Codec("seconds", _read_seconds, _write_seconds)
FIRST = Codec("first", _read_first, _write_first)
KIND = Codec("kind", _read_kind, _write_kind)
TAGS = Codec("tags", _read_tags, _write_tags)
TEXT = Codec("text", _read_text, _identity)
BODY = Codec("body", _read_body, _identity)
REAL_BODY = Codec("real body", _read_real_body, _identity)
METADATA = Codec("metadata", _read_metadata, _identity)
ASSIGNMENTS = Codec("assignments", _read_assignments, _identity)
MILLISECONDS = Codec("milliseconds", _read_milliseconds, _identity)
QUOTED_NAME = Codec("quoted name", _read_quoted_name, _identity)
VENDOR = Codec("vendor", _read_vendor, _identity)
CALLED_MODEL = Codec("called model", _read_called_model, _identity)
COMMA_TAGS = Codec("comma tags", _read_comma_tags, _write_tags)


def kind_words(words: Mapping[str, Kind]) -> Codec:
    """A dialect's own words for kinds of spans, in any case and possibly encoded as JSON."""
    known = {word.lower(): int(kind) for word, kind in words.items()}

    def read(raw: object) -> Reading:
        word = raw.strip('"').lower() if isinstance(raw, str) else ""
        return known.get(word), False, "" if isinstance(raw, str) else WRONG_TYPE

    return Codec("kind words", read, _identity)

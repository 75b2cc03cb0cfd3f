"""A JSON body to its items: one, an array of them, an object around one, JSON Lines. Pure.

The plain path is one decode of the whole body. A body that does not decode, or that lost a
duplicate key on the way, is read again by a tolerant parser, which finds the item at fault: a value
that JSON or PostgreSQL cannot hold costs its field, a broken item costs itself.
"""

import json
import re
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

import msgspec

from tracking.adapters.body_hints import hint_at_syntax
from tracking.cleaning import clean_text
from tracking.events import BadBodyError

MAX_ITEMS = 10_000
MAX_DEPTH = 100
MAX_TOLERANT_COMMAS = 2_000_000
"""The tolerant parser takes a microsecond a value: beyond this a body would hold up others."""
MAX_SPLIT_BYTES = 4 << 20
"""A body nested too deep to parse is cut into its items token by token, which is slow."""

NUMBER_AS_TEXT = "number_as_text"
TEXT_REPLACED = "text_replaced"

_decoder = msgspec.json.Decoder()
_encode = msgspec.json.Encoder().encode
_BOM = b"\xef\xbb\xbf"
_LOWEST_INT, _GREATEST_INT = -(2**63), 2**64 - 1
_find_tokens = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[\]{},]', re.DOTALL).finditer
_find_array = re.compile(rb'\s*(?:\{\s*"\w+"\s*:\s*)?\[').match


class BodyForm(NamedTuple):
    """What a door takes, beside one item a line.

    ``items_of`` finds the items of a decoded body or raises BadBodyError. ``wrapper`` is the key of
    an object that only holds the array of items. ``stands_alone`` tells an object that is an item.
    """

    what_to_send: str
    items_of: Callable[[object], list[object]]
    wrapper: str
    stands_alone: Callable[[dict[str, object]], bool]


class Fault(NamedTuple):
    """Why an item cannot be read: a rejection without its index."""

    code: str
    message: str


class Item(NamedTuple):
    value: object
    encoded: bytes = b""  # the value as JSON, compact
    fault: Fault | None = None
    warnings: tuple[str, ...] = ()
    place: int | None = None  # of several that one item became: the number of that one


class FaultError(Exception):
    def __init__(self, code: str, message: str) -> None:
        self.fault = Fault(code, message)
        super().__init__(message)


class _NumberText(str):
    """A number that no number type holds, as it was written."""

    __slots__ = ()


class _DoubledKeys(dict[str, object]):
    """An object that named a key twice."""

    key = ""


def parse_items(body: bytes, form: BodyForm) -> list[Item]:
    """Return the items of a body in order; raise BadBodyError when it is none of the shapes."""
    text = body.removeprefix(_BOM).strip()
    if not text:
        raise BadBodyError(f"the body is empty: {form.what_to_send}")
    items = _parse_plainly(text, form)
    if items is None:
        is_lines = _looks_like_lines(text)
        items = _parse_lines(text) if is_lines else _parse_tolerantly(text, form)
    check_count(len(items))
    return items


def check_count(count: int) -> None:
    if count > MAX_ITEMS:
        raise BadBodyError(
            f"a request may hold {MAX_ITEMS:,} items; this one holds {count:,}: send it in parts"
        )


def _parse_plainly(text: bytes, form: BodyForm) -> list[Item] | None:
    """Parse a body that loses nothing by one plain decode, else return None.

    A repeated key takes a colon with it, which shows the loss without a slower parser.
    """
    try:
        value = _decoder.decode(text)
    except (ValueError, RecursionError):
        return None
    values = form.items_of(value)
    check_count(len(values))
    try:
        items = [Item(each, _encode(each)) for each in values]
        if isinstance(value, dict) and values is not value.get(form.wrapper):
            colons = _encode(value).count(b":")
        else:
            around = {**value, form.wrapper: None} if isinstance(value, dict) else None
            colons = _encode(around).count(b":") + sum(item[1].count(b":") for item in items)
    except (ValueError, OverflowError, RecursionError):
        return None
    return items if colons == text.count(b":") else None


def _looks_like_lines(text: bytes) -> bool:
    """Tell JSON Lines, some of them perhaps broken, from one broken document."""
    if text[:1] == b"[":
        return False
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 2:
        return False
    whole = [line[:1] == b"{" and line[-1:] == b"}" for line in lines]
    return whole[0] or 2 * sum(whole) >= len(lines)


def _parse_lines(text: bytes) -> list[Item]:
    lines = [line for line in text.splitlines() if line.strip()]
    check_count(len(lines))
    return [_parse_alone(line) for line in lines]


def _parse_alone(text: bytes) -> Item:
    """Parse one item; what is wrong with it stays with it."""
    try:
        value = _decoder.decode(text)
        encoded = _encode(value)
        if encoded.count(b":") == text.count(b":"):
            return Item(value, encoded)
    except (ValueError, OverflowError, RecursionError):
        pass  # the tolerant parser finds out what it is
    try:
        return _clean_item(_load(text))
    except json.JSONDecodeError as error:
        hint = hint_at_syntax(error.doc, error.pos)
        message = f"not JSON: {error.msg} at character {error.pos + 1}{hint}"
        return Item(None, fault=Fault("json_invalid", message))
    except RecursionError:
        return Item(None, fault=_too_deep())


def _parse_tolerantly(text: bytes, form: BodyForm) -> list[Item]:
    if text.count(b",") > MAX_TOLERANT_COMMAS:
        raise BadBodyError("a value in it cannot be read, and there are too many to find which")
    try:
        value = _load(text)
    except json.JSONDecodeError as error:
        hint = hint_at_syntax(error.doc, error.pos) or f"; {form.what_to_send}"
        place = f"line {error.lineno}, column {error.colno}"
        raise BadBodyError(f"not JSON: {error.msg} at {place}{hint}") from None
    except RecursionError:
        return [_parse_alone(part) for part in _split(text)]
    if isinstance(value, _DoubledKeys) and not form.stands_alone(value):
        raise BadBodyError(_doubled(value).message)
    return [_clean_item(each) for each in form.items_of(value)]


def _load(text: bytes) -> object:
    return json.loads(
        text.decode("utf-8", "replace"),
        parse_int=_int_or_text,
        parse_float=_float_or_text,
        parse_constant=_NumberText,
        object_pairs_hook=_object,
    )


def _int_or_text(digits: str) -> int | _NumberText:
    if len(digits) > 20:
        return _NumberText(digits)
    number = int(digits)
    return number if _LOWEST_INT <= number <= _GREATEST_INT else _NumberText(digits)


def _float_or_text(digits: str) -> float | _NumberText:
    number = float(digits)
    return number if abs(number) != float("inf") else _NumberText(digits)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    doubled = _DoubledKeys(value)
    counts = Counter(key for key, _ in pairs)
    doubled.key = next(key for key, count in counts.items() if count > 1)
    return doubled


def _clean_item(value: object) -> Item:
    notes: dict[str, None] = {}
    try:
        cleaned = _clean(value, 1, notes)
    except FaultError as error:
        return Item(None, fault=error.fault)
    return Item(cleaned, _encode(cleaned), None, tuple(notes))


def _clean(value: object, depth: int, notes: dict[str, None]) -> object:
    """Return a value that any JSON encoder and text column takes; note what was changed."""
    if isinstance(value, str):
        return _clean_text(value, notes)
    if not isinstance(value, list | dict):
        return value
    if depth > MAX_DEPTH:
        raise FaultError(*_too_deep())
    if isinstance(value, list):
        return [_clean(each, depth + 1, notes) for each in value]
    if isinstance(value, _DoubledKeys):
        raise FaultError(*_doubled(value))
    return {_clean_text(key, notes): _clean(each, depth + 1, notes) for key, each in value.items()}


def _clean_text(text: str, notes: dict[str, None]) -> str:
    if isinstance(text, _NumberText):
        notes[NUMBER_AS_TEXT] = None
        return str(text)
    if text.isascii():
        return text  # a NUL is no trouble here: only columns refuse it
    try:
        text.encode()
    except UnicodeEncodeError:
        notes[TEXT_REPLACED] = None
        return clean_text(text)
    return text


def _too_deep() -> Fault:
    return Fault("too_deep", f"nested more than {MAX_DEPTH} levels deep")


def _doubled(value: _DoubledKeys) -> Fault:
    return Fault("duplicate_key", f"the key {value.key[:100]!r} appears twice in one object")


def _split(text: bytes) -> list[bytes]:
    """Cut an array of items at its own commas, for bodies that no parser can walk."""
    opened = _find_array(text)
    if opened is None or len(text) > MAX_SPLIT_BYTES:
        raise BadBodyError(_too_deep().message)
    parts, start, depth = [], opened.end(), 0
    for token in _find_tokens(text, opened.end()):
        mark = token[0]
        if mark in b"[{":
            depth += 1
        elif mark in b"]}" and depth:
            depth -= 1
        elif mark in b",]" and not depth:
            parts.append(text[start : token.start()])
            start = token.end()
            if mark == b"]":
                return parts
    raise BadBodyError("not JSON: its array has no end")


def is_too_deep(value: object) -> bool:
    level, depth = [value], 1
    while depth <= MAX_DEPTH:
        level = [
            inner
            for each in level
            for inner in (each.values() if type(each) is dict else each)  # type: ignore[attr-defined]
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
        depth += 1
    return True

"""A JSON body to its items: one thing, an array of things, or one a line. Pure.

Values come out as Dogpile's canonical JSON has them: no NaN, no −0; halves of characters are hidden
in others (``halves``).
"""

import json
import math
import re
from typing import NamedTuple

import msgspec

from tracking.adapters.dogpile.halves import hide_halves, may_need_hiding
from tracking.adapters.dogpile.shapes import WHAT_TO_SEND
from tracking.adapters.json_items import (
    MAX_DEPTH,
    MAX_ITEMS,
    MAX_TOLERANT_COMMAS,
    Fault,
    is_too_deep,
)
from tracking.events import BadBodyError

_decoder = msgspec.json.Decoder()
_BOM = b"\xef\xbb\xbf"
_find_negative_zero = re.compile(rb"-0(?!\d)").search


class Item(NamedTuple):
    value: object
    fault: Fault | None = None


class Items(NamedTuple):
    items: list[Item]
    is_single: bool  # the body was one thing, not a list of things


def parse_items(body: bytes) -> Items:
    """Raise BadBodyError when the body is no JSON, or holds too much."""
    text = body.removeprefix(_BOM).strip()
    if not text:
        raise BadBodyError(f"the body is empty: {WHAT_TO_SEND}")
    try:
        parsed = Items([Item(_decode(text))], is_single=True)
    except json.JSONDecodeError as error:
        parsed = _parse_lines(text, error)
    except RecursionError:
        raise BadBodyError(f"nested more than {MAX_DEPTH} levels deep") from None
    if parsed.is_single:
        parsed = _open_list(parsed.items[0].value)
    if len(parsed.items) > MAX_ITEMS:
        raise BadBodyError(
            f"a request may hold {MAX_ITEMS:,} items; this one holds {len(parsed.items):,}:"
            " send it in parts"
        )
    return Items([_check_depth(item) for item in parsed.items], parsed.is_single)


def _open_list(value: object) -> Items:
    if isinstance(value, dict) and value.keys() == {"events"} and isinstance(value["events"], list):
        value = value["events"]
    if isinstance(value, list):
        return Items([Item(each) for each in value], is_single=False)
    return Items([Item(value)], is_single=True)


def _parse_lines(text: bytes, problem: json.JSONDecodeError) -> Items:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) < 2 or text[:1] == b"[" or lines[0][-1:] != b"}":
        raise BadBodyError(
            f"not JSON: {problem.msg} at line {problem.lineno}, column {problem.colno}"
        )
    return Items([_parse_line(line) for line in lines], is_single=False)


def _parse_line(line: bytes) -> Item:
    try:
        return Item(_decode(line))
    except json.JSONDecodeError as error:
        message = f"not JSON: {error.msg} at character {error.pos + 1}"
        return Item(None, Fault("json_invalid", message))
    except RecursionError:
        return Item(None, _too_deep())


def _check_depth(item: Item) -> Item:
    if isinstance(item.value, dict) and is_too_deep(item.value):
        return Item(None, _too_deep())
    return item


def _too_deep() -> Fault:
    return Fault("too_deep", f"nested more than {MAX_DEPTH} levels deep")


def _decode(text: bytes) -> object:
    try:
        value = _decoder.decode(text)
        value = _hide_all(value) if may_need_hiding(text) else value
    except (ValueError, RecursionError):
        value = _decode_tolerantly(text)
    return _without_negative_zeros(value) if _find_negative_zero(text) else value


def _decode_tolerantly(text: bytes) -> object:
    """Read what a strict decoder refuses and JavaScript does not: NaN, halves of characters."""
    if text.count(b",") > MAX_TOLERANT_COMMAS:
        raise BadBodyError("a value in it cannot be read, and there are too many to find which")
    value = json.loads(
        text.decode("utf-8", "replace"),
        parse_constant=lambda _name: None,
        parse_int=_int_of,
        parse_float=_float_of,
    )
    return _hide_all(value)


def _int_of(digits: str) -> int | float | None:
    number = int(digits) if len(digits) <= 20 else None
    if number is not None and -(2**63) <= number < 2**64:
        return number
    return _float_of(digits)


def _float_of(digits: str) -> float | None:
    number = float(digits)
    return number if math.isfinite(number) else None


def _hide_all(value: object) -> object:
    if isinstance(value, str):
        return hide_halves(value)
    if isinstance(value, list):
        return [_hide_all(each) for each in value]
    if isinstance(value, dict):
        return {hide_halves(key): _hide_all(each) for key, each in value.items()}
    return value


def _without_negative_zeros(value: object) -> object:
    if isinstance(value, float):
        return 0 if value == 0 and math.copysign(1, value) < 0 else value
    if isinstance(value, list):
        return [_without_negative_zeros(each) for each in value]
    if isinstance(value, dict):
        return {key: _without_negative_zeros(each) for key, each in value.items()}
    return value

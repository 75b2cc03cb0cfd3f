"""JSON as ``JSON.stringify`` writes what Dogpile made canonical. Pure.

``stableJsonStringify`` of dogpile 0.3.1 copies each object key by key in sorted order, without
undefined ones, with non-finite numbers as null and without -0. What JavaScript then writes differs
from other encoders: keys that are indexes come first, the others in the order of UTF-16; numbers
are ``5`` for 5.0, ``0.000005`` for 5e-6, ``1e-7``, ``1e+21``.
"""

import math
from json.encoder import encode_basestring as quote

from tracking.adapters.dogpile.halves import restore_halves, write_halves

_MOST_DIGITS, _LEAST_EXPONENT = 21, -6  # beyond them numbers are written with an exponent
_GREATEST_INDEX = 2**32 - 2


def stringify(value: object) -> bytes:
    """The canonical JSON of a value as it is stored (halves of characters hidden).

    Whole numbers keep all their digits, also those that no number of JavaScript holds.
    """
    return write_halves("".join(_pieces(value)))


def _pieces(value: object) -> list[str]:
    pieces: list[str] = []
    _write(value, pieces)
    return pieces


def _write(value: object, out: list[str]) -> None:
    if isinstance(value, str):
        out.append(quote(value))
    elif value is None:
        out.append("null")
    elif isinstance(value, bool):
        out.append("true" if value else "false")
    elif isinstance(value, float):
        out.append(_number(value))
    elif isinstance(value, dict):
        _write_object(value, out)
    elif isinstance(value, list):
        _write_array(value, out)
    else:
        out.append(str(value))


def _write_object(value: dict[str, object], out: list[str]) -> None:
    separator = "{"
    for key in sorted(value, key=_place):
        out.append(f"{separator}{quote(key)}:")
        _write(value[key], out)
        separator = ","
    out.append("}" if value else "{}")


def _write_array(value: list[object], out: list[str]) -> None:
    separator = "["
    for each in value:
        out.append(separator)
        _write(each, out)
        separator = ","
    out.append("]" if value else "[]")


def _place(key: str) -> tuple[int, bytes]:
    """Where a key stands: indexes by number, then the others by their UTF-16."""
    if key.isascii() and key.isdigit() and len(key) <= len(str(_GREATEST_INDEX)):
        index = int(key)
        if index <= _GREATEST_INDEX and str(index) == key:
            return index, b""
    return _GREATEST_INDEX + 1, restore_halves(key).encode("utf-16-be", "surrogatepass")


def _number(value: float) -> str:
    """``Number::toString`` of ECMAScript: the fewest digits that tell the number from others."""
    if not math.isfinite(value):
        return "null"
    if value == 0:
        return "0"
    sign = "-" if value < 0 else ""
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    plain = f"{whole}{fraction}".lstrip("0")
    point = len(whole) + int(power or 0) - (len(whole) + len(fraction) - len(plain))
    return sign + _place_point(plain.rstrip("0"), point)


def _place_point(digits: str, point: int) -> str:
    """``digits`` with the decimal point behind as many of them as ``point`` says."""
    if len(digits) <= point <= _MOST_DIGITS:
        return digits + "0" * (point - len(digits))
    if 0 < point <= _MOST_DIGITS:
        return f"{digits[:point]}.{digits[point:]}"
    if _LEAST_EXPONENT < point <= 0:
        return f"0.{'0' * -point}{digits}"
    mantissa = digits if len(digits) == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"

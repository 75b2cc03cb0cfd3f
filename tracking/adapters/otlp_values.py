"""OTLP attributes, from their bytes to entries of the dialect table. Pure.

An attribute is a ``KeyValue`` message. The shapes that exporters write (text, number, truth) are
read here directly; any other encoding of it goes through the official classes, same result.
"""

from collections.abc import Iterable
from math import isfinite
from struct import Struct

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tracking.adapters.dialects.sealing import seal, seal_object
from tracking.adapters.dialects.table import BODIES, Entry, read_attribute

SHORT = 96
"""Attributes of fewer bytes are remembered: most say the same in thousands of spans."""

_MAX_MEMO = 16_384
_MAX_CACHED_TAIL = 32_768
_memo: dict[bytes, Entry] = {}
_headers: dict[int, bytes] = {}

_NO_HEADER = b"\xff"
_unpack_double = Struct("<d").unpack_from

recall = _memo.get


def read_entry(blob: bytes) -> Entry:
    """Read one attribute that ``recall`` did not know."""
    name_end = blob[1] + 2 if len(blob) > 1 else 0
    tail = len(blob) - name_end
    header = _headers.get(tail) or _text_header(tail)
    if blob[:1] == b"\n" and name_end < 130 and blob.startswith(header, name_end):
        text = str(blob[name_end + len(header) :], "utf-8")
        body = BODIES.get(blob[2:name_end])
        if body is not None and text:
            column, mask, name = body
            return column, mask, text, name, text, ""
        entry = read_attribute(str(blob[2:name_end], "utf-8"), text)
    else:
        entry = read_attribute(*_read_other(blob, name_end, tail))
    if len(blob) < SHORT:
        if len(_memo) >= _MAX_MEMO:
            _memo.clear()
        _memo[blob] = entry
    return entry


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    out.append(number)
    return bytes(out)


def _text_header(tail: int) -> bytes:
    """The bytes between a key and a text, where all after the key is ``tail`` bytes long.

    Only a text has this header at this length, so comparing it checks type and lengths at once.
    """
    header = _NO_HEADER
    for width in range(1, 6):
        for inner_width in range(1, 6):
            size = tail - 2 - width - inner_width
            lengths = _varint(1 + inner_width + size) if size >= 0 else b"", _varint(max(size, 0))
            if (len(lengths[0]), len(lengths[1])) == (width, inner_width):
                header = b"\x12%b\x0a%b" % lengths
    if tail <= _MAX_CACHED_TAIL:
        _headers[tail] = header
    return header


def _read_other(blob: bytes, name_end: int, tail: int) -> tuple[str, object]:
    """Read what is not a plain text: numbers and truths here, the rest by the official classes."""
    if (
        3 < tail < 14
        and blob[0] == 0x0A
        and name_end < 130
        and blob[name_end] == 0x12
        and blob[name_end + 1] == tail - 2
    ):
        number = _read_number(blob[name_end + 2 :])
        if number is not None:
            return str(blob[2:name_end], "utf-8"), number
    pair = KeyValue.FromString(blob)
    return pair.key, value_of(pair.value)


def _read_number(value: bytes) -> float | None:
    """A whole ``AnyValue`` of a number or a truth; None when it is anything else."""
    tag = value[0]
    if tag == 0x21 and len(value) == 9:
        number: float = _unpack_double(value, 1)[0]
        return number if isfinite(number) else None
    if tag == 0x18 and len(value) == 2 and value[1] < 128:
        return value[1]
    if tag == 0x18 and len(value) == 3 and value[1] > 127 > value[2] > 0:
        return value[1] & 127 | value[2] << 7
    if tag == 0x10 and len(value) == 2 and value[1] < 2:
        return value[1] == 1
    return None


def value_of(value: AnyValue) -> object:
    """An official value as JSON can say it, see ``sealing``."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [value_of(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return seal_object({pair.key: value_of(pair.value) for pair in value.kvlist_value.values})
    return seal(getattr(value, kind))


def attributes_of(pairs: Iterable[KeyValue]) -> dict[str, object]:
    return {pair.key: value_of(pair.value) for pair in pairs}

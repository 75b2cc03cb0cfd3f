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
_MAX_ONCE = 65_536
_MAX_CACHED_TAIL = 32_768
_NO_HEADER = b"\xff"
_DOUBLE_HEADER = b"\x12\x09\x21"
_unpack_double = Struct("<d").unpack_from

_memo: dict[bytes, Entry] = {}
_once: set[int] = set()  # hashes of what was seen once: only what comes again is remembered
_headers: dict[int, bytes] = {}

recall = _memo.get


def read_entry(blob: bytes) -> Entry:
    """Read one attribute that ``recall`` did not know."""
    size = len(blob)
    name_end = blob[1] + 2 if size > 1 else 0
    tail = size - name_end
    if not 2 < name_end < 130 or blob[0] != 0x0A:
        entry = _read_other(blob)
    elif blob.startswith(_headers.get(tail) or _text_header(tail), name_end):
        text = str(blob[name_end + len(_headers[tail]) :], "utf-8")
        body = BODIES.get(blob[2:name_end])
        if body is not None and text:
            column, mask, name = body
            return column, mask, text, name, text, ""
        entry = read_attribute(str(blob[2:name_end], "utf-8"), text)
    elif tail < 12 and (number := _read_number(blob, name_end, tail)) is not None:
        entry = read_attribute(str(blob[2:name_end], "utf-8"), number)
    else:
        entry = _read_other(blob)
    if size < SHORT:
        _remember(blob, entry)
    return entry


def _remember(blob: bytes, entry: Entry) -> None:
    seen = hash(blob)
    if seen in _once:
        if len(_memo) >= _MAX_MEMO:
            _memo.clear()
        _memo[blob] = entry
        return
    if len(_once) >= _MAX_ONCE:
        _once.clear()
    _once.add(seen)


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
    for widths in range(2, 11):  # of the two lengths together
        size = tail - 2 - widths
        if size < 0:
            break
        length = _varint(size)
        candidate = b"\x12%b\x0a%b" % (_varint(1 + len(length) + size), length)
        if len(candidate) == 2 + widths:
            header = candidate
            break
    if len(_headers) >= _MAX_CACHED_TAIL:
        _headers.clear()
    _headers[tail] = header
    return header


def _read_number(blob: bytes, name_end: int, tail: int) -> float | None:
    """Read a double, a small integer or a truth; None when it is anything else."""
    if tail == 11 and blob.startswith(_DOUBLE_HEADER, name_end):
        number: float = _unpack_double(blob, name_end + 3)[0]
        return number if isfinite(number) else None
    if not 3 < tail < 6 or blob[name_end] != 0x12 or blob[name_end + 1] != tail - 2:
        return None
    tag, low, last = blob[name_end + 2], blob[name_end + 3], blob[-1]
    if tag == 0x18 and last < 128:
        if tail == 4:
            return low
        return low & 127 | last << 7 if low > 127 and last else None
    return low == 1 if tag == 0x10 and tail == 4 and low < 2 else None


def _read_other(blob: bytes) -> Entry:
    pair = KeyValue.FromString(blob)
    return read_attribute(pair.key, value_of(pair.value))


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

"""OTLP attributes, from their bytes to entries of the dialect table. Pure.

An attribute is a ``KeyValue`` message. The shapes that exporters write (text, number, truth) are
read here directly; any other encoding of it goes through the official classes, same result.
"""

from collections.abc import Iterable
from math import isfinite
from struct import Struct

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from tracking.adapters.dialects.codecs import BODY, TEXT
from tracking.adapters.dialects.sealing import seal, seal_object
from tracking.adapters.dialects.table import KEYS, Entry, needs_second_step, read_attribute
from tracking.adapters.otlp_wire import varint

SHORT = 96
"""Attributes of fewer bytes are remembered: most say the same in thousands of spans."""

_MAX_MEMO = 16_384
_MAX_ONCE = 65_536
_MAX_SPECS = 16_384
_MAX_CACHED_TAIL = 32_768
_NO_HEADER = b"\xff"
_DOUBLE_HEADER, _DOUBLE_TAIL = b"\x12\x09\x21", 11
_SMALL_HEADERS = (b"\x12\x02", b"\x12\x03")
_Spec = tuple[str | None, int, str, bool]
"""(column, mask, key, whether its texts are stored as they are)"""

_unpack_double = Struct("<d").unpack_from

_memo: dict[bytes, Entry] = {}
_once: set[int] = set()  # hashes of what was seen once: only what comes again is remembered
_headers: dict[int, bytes] = {}
_specs: dict[bytes, _Spec] = {}

recall = _memo.get


def read_entry(blob: bytes) -> Entry:
    """Read one attribute that ``recall`` did not know."""
    size = len(blob)
    name_end = blob[1] + 2 if size > 1 else 0
    spec = _specs.get(blob[:name_end]) or _learn(blob, name_end)
    tail = size - name_end
    if spec is None:
        entry = _read_other(blob)
    elif tail == _DOUBLE_TAIL and blob.startswith(_DOUBLE_HEADER, name_end):
        return _read_double(blob, name_end, spec)  # seldom said twice: not worth remembering
    elif blob.startswith(header := _headers.get(tail) or _text_header(tail), name_end):
        column, mask, name, is_plain = spec
        text = blob[name_end + len(header) :].decode()
        if is_plain and text:
            entry = column, mask, text, name, text, ""
        else:
            entry = read_attribute(name, text)
    else:
        entry = _read_number(blob, name_end, spec)
    if size < SHORT:
        if hash(blob) in _once:
            _remember(blob, entry)
        else:
            _once.add(hash(blob))
    return entry


def _learn(blob: bytes, name_end: int) -> _Spec | None:
    """What a key means, by its bytes in their shortest form; None when they have another."""
    if not 2 < name_end < min(130, len(blob)) or blob[0] != 0x0A:
        return None
    name = str(blob[2:name_end], "utf-8")
    key = KEYS.get(name)
    if len(_specs) >= _MAX_SPECS:
        _specs.clear()
    is_simple = not needs_second_step(name)
    spec: _Spec = None, 0, name, is_simple
    if key is not None:
        spec = key.column, key.mask, name, is_simple and key.codec in (BODY, TEXT)
    _specs[blob[:name_end]] = spec
    return spec


def _remember(blob: bytes, entry: Entry) -> None:
    if len(_memo) >= _MAX_MEMO:
        _memo.clear()
    _memo[blob] = entry


def forget_rare() -> None:
    """Keep the memory of what was seen once within bounds; called once a request."""
    if len(_once) > _MAX_ONCE:
        _once.clear()


def _text_header(tail: int) -> bytes:
    """The bytes between a key and a text, where all after the key is ``tail`` bytes long.

    Only a text has this header at this length, so comparing it checks type and lengths at once.
    """
    header = _NO_HEADER
    for widths in range(2, 11):  # of the two lengths together
        size = tail - 2 - widths
        if size < 0:
            break
        length = varint(size)
        candidate = b"\x12%b\x0a%b" % (varint(1 + len(length) + size), length)
        if len(candidate) == 2 + widths:
            header = candidate
            break
    if len(_headers) >= _MAX_CACHED_TAIL:
        _headers.clear()
    _headers[tail] = header
    return header


def _read_number(blob: bytes, name_end: int, spec: _Spec) -> Entry:
    """Read an integer below 16,384 or a truth; anything else is read officially."""
    raw: object = None
    if blob.startswith(_SMALL_HEADERS, name_end) and len(blob) == name_end + 2 + blob[name_end + 1]:
        raw = _read_integer(blob[name_end + 2 :])
    return _read_other(blob) if raw is None else _entry_of(spec, raw)


def _read_double(blob: bytes, name_end: int, spec: _Spec) -> Entry:
    value = _unpack_double(blob, name_end + 3)[0]
    return _entry_of(spec, value if isfinite(value) else seal(value))


def _entry_of(spec: _Spec, raw: object) -> Entry:
    is_unknown = spec[0] is None and spec[3]
    return (None, 0, None, spec[2], raw, "") if is_unknown else read_attribute(spec[2], raw)


def _read_integer(value: bytes) -> int | None:
    """An ``AnyValue`` of two or three bytes."""
    tag, low = value[0], value[1]
    if tag == 0x10 and len(value) == 2 and low < 2:
        return low == 1
    if tag != 0x18:
        return None
    if len(value) == 2:
        return low if low < 128 else None
    return low & 127 | value[2] << 7 if value[2] < 128 <= low and value[2] else None


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

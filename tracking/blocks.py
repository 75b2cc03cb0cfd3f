"""Payload blocks: what no column holds of several spans, encoded and compressed together. Pure.

A block is zlib-format data (any stdlib reads it) over the JSON array of its spans' payloads, a line
each, so that whoever wants the first ones inflates no more. Spans of one trace lie side by side and
repeat each other's texts, so a block of up to 128 kB is both smaller and cheaper than a row a span.
An event refers to (block_id, block_ix); block 0 is "none".
"""

import os
import threading
import time
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from isal import isal_zlib

from tracking.events import EMPTY_PAYLOAD, Payload
from tracking.inflate import DAMAGED

BLOCK_BYTES = 128 * 1024
_STEP = 32 * 1024
_END = b"\n"  # of lines alone: JSON escapes those of texts
LEVEL = 3  # of ISA-L: 4 % smaller than 1 for 2 us a span more
_encoder = msgspec.json.Encoder()
_splitter = msgspec.json.Decoder(list[msgspec.Raw])
_decoder = msgspec.json.Decoder(Payload)
_EMPTY = msgspec.Raw(b"[]")


@dataclass(slots=True)
class Block:
    """A finished block of one week. ``members`` are indexes into the packed sequence."""

    id: int
    week: int
    body: bytes
    members: list[int]


class _Ids:
    """Ids of this process: a millisecond's first is random in its low 22 bits, the next ones count
    on, so that one process never gives an id twice and two hardly ever meet."""

    def __init__(self) -> None:
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> int:
        with self._lock:
            first = (time.time_ns() // 1_000_000) << 22 | int.from_bytes(os.urandom(3)) >> 2
            is_later = first >> 22 > self._last >> 22
            self._last = first if is_later else self._last + 1
            return self._last


_ids = _Ids()


def new_block_id() -> int:
    """Time-ordered and unique without a sequence: local in the index."""
    return _ids.next()


def pack(payloads: Sequence[Payload], weeks: Sequence[int], order: Iterable[int]) -> list[Block]:
    """Cut the payloads, taken in ``order``, into blocks of one week each."""
    blocks: list[Block] = []
    pieces: list[bytes] = []
    members: list[int] = []
    size, week = 0, 0
    for index in order:
        payload = payloads[index]
        if payload is EMPTY_PAYLOAD:
            continue
        piece = _encoder.encode(payload)
        if pieces and (size + len(piece) > BLOCK_BYTES or weeks[index] != week):
            blocks.append(_finish(week, pieces, members))
            pieces, members, size = [], [], 0
        pieces.append(piece)
        members.append(index)
        size += len(piece)
        week = weeks[index]
    if pieces:
        blocks.append(_finish(week, pieces, members))
    return blocks


def unpack(body: bytes, indexes: Iterable[int]) -> dict[int, Payload]:
    """The payloads at these places of a block. The others are not decoded."""
    wanted = list(indexes)
    raw, ends = _inflate(body, 1 + max(wanted))
    if not ends:  # one payload, or a block of before there were lines
        pieces = _splitter.decode(raw)
        return {index: _decoder.decode(pieces[index]) for index in wanted}
    # The first follows the bracket of the whole; each but the last, which another one closes, ends
    # with a comma.
    starts = [1, *(end + 1 for end in ends)]
    stops = [*(end - 1 for end in ends), len(raw) - 1]
    view = memoryview(raw)
    return {index: _decoder.decode(view[starts[index] : stops[index]]) for index in wanted}


def _inflate(body: bytes, n: int) -> tuple[bytearray, list[int]]:
    """The beginning of a block, little more than its first ``n`` payloads, and where their lines
    end; the last line of all has no end."""
    member = isal_zlib.decompressobj()
    raw = bytearray(member.decompress(body, _STEP))
    ends: list[int] = []
    looked_at = 0
    while True:
        while len(ends) < n and (end := raw.find(_END, looked_at)) >= 0:
            ends.append(end)
            looked_at = end + 1
        if len(ends) == n or member.eof:
            return raw, ends
        looked_at = len(raw)
        # Twice as much each time: a payload may be of 20 MiB.
        step = member.decompress(member.unconsumed_tail, looked_at or _STEP)
        if not step and not member.eof and not member.unconsumed_tail:
            raise DAMAGED("the block was cut off")
        raw += step


def blank(body: bytes, indexes: Iterable[int]) -> bytes | None:
    """The block with the payloads at these places emptied; None when nothing is left in it."""
    raws = _splitter.decode(isal_zlib.decompress(body))
    for index in indexes:
        if index < len(raws):
            raws[index] = _EMPTY
    if all(bytes(raw) == b"[]" for raw in raws):
        return None
    return _compress([bytes(raw) for raw in raws])


def _finish(week: int, pieces: list[bytes], members: list[int]) -> Block:
    return Block(new_block_id(), week, _compress(pieces), members)


def _compress(pieces: Iterable[bytes]) -> bytes:
    raw = b"[" + b",\n".join(pieces) + b"]"
    packed: bytes = isal_zlib.compress(raw, LEVEL, zlib.MAX_WBITS)
    return packed

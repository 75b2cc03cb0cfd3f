"""Payload blocks: what no column holds of several spans, encoded and compressed together.

A block is zlib-format data (any stdlib reads it) over the JSON array of its spans' payloads, a line
each, so that whoever wants the first ones inflates no more. Spans of one trace lie side by side and
repeat each other's texts, so a block of up to 128 kB is both smaller and cheaper than a row a span.
An event refers to (block_id, block_ix); block 0 is "none".
"""

import os
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


def new_block_id() -> int:
    """Time-ordered and random in its low 22 bits: unique without a sequence, local in the index."""
    return (time.time_ns() // 1_000_000) << 22 | int.from_bytes(os.urandom(3)) >> 2


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
    lines = _lines(body, 1 + max(wanted))
    return {index: _decoder.decode(lines[index]) for index in wanted}


def _lines(body: bytes, n: int) -> Sequence[bytes | memoryview | msgspec.Raw]:
    """The first payloads of a block, at least ``n``, inflating little more than these."""
    member = isal_zlib.decompressobj()
    raw = member.decompress(body, _STEP)
    n_ended = raw.count(_END)
    while n_ended < n and not member.eof:
        # Twice as much each time: a payload may be of 20 MiB, and each step copies what there is.
        step = member.decompress(member.unconsumed_tail, len(raw) or _STEP)
        if not step and not member.eof and not member.unconsumed_tail:
            raise DAMAGED("the block was cut off")
        n_ended += step.count(_END)
        raw += step
    if not n_ended:  # one payload, or a block of before there were lines
        return _splitter.decode(raw)
    # Each but the last ends with a comma, the last with the bracket of the whole.
    return [memoryview(line)[:-1] for line in raw[1:].split(_END, n)[:n]]


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

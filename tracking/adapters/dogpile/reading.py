"""A body of Dogpile's to parts of documents: a run's pieces, and what names no run. Pure."""

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from tracking.adapters.dogpile.body import Item, parse_items
from tracking.adapters.dogpile.halves import restore_halves
from tracking.adapters.dogpile.shapes import CHUNK, Shape, moments_in, run_id_of, tell_shape
from tracking.adapters.dogpile.values import JsonObject, canonical
from tracking.adapters.json_items import Fault, FaultError
from tracking.cleaning import clean_name
from tracking.events import BadBodyError, Batch, Failure, Part, Receipt, Rejection
from tracking.identity import content_identity
from tracking.timestamps import is_expired

SYSTEM = "dogpile"
LOOSE_SYSTEM = "dogpile-loose"


class Piece(msgspec.Struct, frozen=True):
    shape: Shape
    run_id: str  # "" of what names no run
    value: JsonObject


def check(body: bytes, *, receipt: Receipt) -> tuple[int, list[Rejection]]:
    """Count the items and say which are refused. A lone item that is refused is a BadBodyError."""
    parsed = parse_items(body)
    rejections = [each for _, each in _open(parsed.items, receipt) if isinstance(each, Rejection)]
    if parsed.is_single and rejections:
        raise BadBodyError(rejections[0].message)
    return len(parsed.items), rejections


def read(body: bytes, *, receipt: Receipt) -> Batch:
    batch = Batch(events=[], rejections=[], failures=[], origins={}, parts=[])
    parsed = parse_items(body)
    for index, opened in _open(parsed.items, receipt):
        if isinstance(opened, Rejection):
            batch.rejections.append(opened)
            continue
        try:
            batch.parts.append(_part_of(opened, receipt))
        except Exception as error:  # any bug costs one item, which quarantine shows
            reason = f"{type(error).__name__}: {error}"
            alone = msgspec.json.encode(parsed.items[index].value)
            batch.failures.append(Failure(index=index, reason=reason, body=alone))
    return batch


def _open(items: list[Item], receipt: Receipt) -> Iterator[tuple[int, Piece | Rejection]]:
    for index, item in enumerate(items):
        fault = item.fault
        try:
            if fault is None:
                yield index, _piece_of(item.value, receipt)
                continue
        except FaultError as error:
            fault = error.fault
        yield index, Rejection(index, fault.code, fault.message)


def _piece_of(value: object, receipt: Receipt) -> Piece:
    shape = tell_shape(value)
    assert isinstance(value, dict)  # tell_shape refused everything else
    oldest = min(moments_in(value, shape), default=0)
    if is_expired(oldest, receipt):
        raise FaultError(*_expired(oldest, receipt))
    return Piece(shape, run_id_of(value, shape), value)


def _expired(at_us: int, receipt: Receipt) -> Fault:
    said, oldest = _iso(at_us), _iso(receipt.horizon_us)
    return Fault("expired", f"{said} is before {oldest}, the oldest time that this project keeps")


def _iso(at_us: int) -> str:
    return datetime.fromtimestamp(at_us // 1_000_000, UTC).isoformat()


def _part_of(piece: Piece, receipt: Receipt) -> Part:
    value = piece.value
    if piece.shape is Shape.EVENT and value.get("type") == CHUNK:
        value = _without_totals(value)
    body = canonical(value)
    if piece.run_id:
        system, key = SYSTEM, clean_name(restore_halves(piece.run_id))
    else:
        system, key = LOOSE_SYSTEM, content_identity(body, 0).hex()
    return Part(
        system=system,
        key=key,
        body=body,
        received_us=receipt.received_us,
        moments=tuple(sorted(set(moments_in(value, piece.shape)))),
    )


def _without_totals(chunk: JsonObject) -> JsonObject:
    """A chunk without what others say: the text so far, and the input, which the first tells.

    Each chunk repeats both, so that a turn's text would be stored as often as it has chunks.
    """
    text, so_far, index = chunk.get("text"), chunk.get("output"), chunk.get("chunkIndex")
    dropped = set()
    if isinstance(text, str) and isinstance(so_far, str) and so_far.endswith(text):
        dropped.add("output")
    if isinstance(index, int) and index > 0:
        dropped.add("input")
    return {key: each for key, each in chunk.items() if key not in dropped}

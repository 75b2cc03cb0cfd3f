"""ai.matey's requests, responses, chunks, warnings and capabilities to parts of documents. Pure.

An exchange is one document by its request id, which stays the same across retries and fallbacks
(``matey_attempts`` tells the attempts apart). What belongs to no request is a document of its own.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import blake2b

import msgspec

from tracking.adapters.json_items import BodyForm, FaultError, parse_items
from tracking.adapters.json_values import JsonObject, name
from tracking.adapters.matey_shapes import EXAMPLES, Piece, open_piece
from tracking.cleaning import clean_name
from tracking.events import BadBodyError, Batch, Part, Receipt, Rejection

EXCHANGES = "matey"
ORPHANS = "matey-orphan"
BACKENDS = "matey-backend"
HEADERS = {"x-request-id": "requestId", "x-session-id": "sessionId", "x-backend": "backend"}
"""Headers, which query parameters may stand for: they say what items leave out."""

WHAT_TO_SEND = f"send an exchange {EXAMPLES['exchange']}, an array of items, or one item a line"
ID_MISSING = (
    'the request has no id: name it in "metadata.requestId", in "?requestId=" or in X-Request-Id'
)
_NEEDS_ID = frozenset({"request", "response"})
_encode = msgspec.json.Encoder(order="deterministic").encode

Opened = Piece | Rejection


def check(body: bytes, *, receipt: Receipt) -> tuple[int, list[Rejection]]:
    """Count the items of a body and say which are refused; a body of one bad item is bad."""
    opened = _open(body, receipt)
    refused = [each for each in opened if isinstance(each, Rejection)]
    if len(opened) == 1 and refused:
        raise BadBodyError(f"{refused[0].code}: {refused[0].message}")
    return len(opened), refused


def read(body: bytes, *, receipt: Receipt) -> Batch:
    opened = _open(body, receipt)
    return Batch(
        events=[],
        rejections=[each for each in opened if isinstance(each, Rejection)],
        failures=[],
        origins={},
        parts=[_part_of(each, receipt) for each in opened if isinstance(each, Piece)],
    )


def _items_of(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        raise BadBodyError(f"the body is neither an object nor an array: {WHAT_TO_SEND}")
    if "items" in value:
        if not isinstance(value["items"], list):
            raise BadBodyError('"items" must be an array')
        return value["items"]
    return [value]


def _stands_alone(value: dict[str, object]) -> bool:
    return "items" not in value


FORM = BodyForm(WHAT_TO_SEND, _items_of, "items", _stands_alone)


def _open(body: bytes, receipt: Receipt) -> list[Opened]:
    opened: list[Opened] = []
    for index, item in enumerate(parse_items(body, FORM)):
        try:
            opened.append(open_piece(item, receipt))
        except FaultError as error:
            opened.append(Rejection(index, error.fault.code, error.fault.message))
    sent = receipt.headers
    said = {key: sent[header] for header, key in HEADERS.items() if sent.get(header)}
    return list(_complete(_follow_streams(opened), said))


def _complete(opened: Sequence[Opened], said: dict[str, str]) -> Iterator[Opened]:
    """Fill in what the request as a whole said; refuse what is nobody's without an id."""
    for index, piece in enumerate(opened):
        if isinstance(piece, Rejection):
            yield piece
            continue
        context = said | piece.context
        if piece.kind in _NEEDS_ID and not name(context.get("requestId")):
            yield Rejection(index, "request_id_missing", ID_MISSING)
        else:
            yield msgspec.structs.replace(piece, context=context)


def _follow_streams(opened: Sequence[Opened]) -> list[Opened]:
    """Give chunks the request id of the ``start`` chunk that they follow in the body.

    What follows a start is named by it: another try at the same request begins with another one.
    A chunk that comes after one with a greater sequence is marked: that order is the sender's, not
    the network's.
    """
    current = next((p for p in opened if isinstance(p, Piece) and _is_start(p)), None)
    stream: JsonObject = {}  # what sets the current stream apart from others of its request
    streams: dict[str, dict[bytes, int]] = {}
    highest: Counter[tuple[str, str]] = Counter()
    followed: list[Opened] = []
    for piece in opened:
        if isinstance(piece, Rejection) or piece.kind != "chunk":
            followed.append(piece)
            continue
        if _is_start(piece):
            current, stream = piece, _stream_of(piece, streams.setdefault(piece.request_id, {}))
        context = dict(piece.context)
        if current is not None and not piece.request_id:
            context["requestId"] = current.request_id
        request_id = name(context.get("requestId"))
        if current is not None and current.request_id == request_id:
            context |= stream
        place = request_id, str(context.get("stream", ""))
        sequence = piece.value["sequence"]
        if request_id and sequence < highest[place]:
            context["disordered"] = True
        highest[place] = max(highest[place], sequence)
        followed.append(msgspec.structs.replace(piece, context=context))
    return followed


def _is_start(piece: Piece) -> bool:
    return piece.kind == "chunk" and piece.value.get("type") == "start" and bool(piece.request_id)


def _stream_of(start: Piece, known: dict[bytes, int]) -> JsonObject:
    content = _encode(start.value)
    place = known.setdefault(content, len(known))
    return {"stream": f"{place + 1:04}-{_hash(content)}"}


def _part_of(piece: Piece, receipt: Receipt) -> Part:
    value, sent = piece.value, piece.context
    beside = {k: v for k, v in sent.items() if k != "requestId" and value.get(k) != v}
    body = _encode({"kind": piece.kind, "value": value, "beside": beside})
    system, key = _document_of(piece, body)
    return Part(
        system=system,
        key=clean_name(key),
        body=body,
        received_us=receipt.received_us,
        moments=piece.moments,
    )


def _document_of(piece: Piece, body: bytes) -> tuple[str, str]:
    if piece.kind == "capabilities":
        return BACKENDS, name(piece.context.get("backend")) or f"unnamed-{_hash(body)}"
    if piece.request_id:
        return EXCHANGES, piece.request_id
    if piece.kind == "exchange":
        return EXCHANGES, f"exchange-{_hash(body)}"
    return ORPHANS, f"{piece.kind}-{_hash(body)}"


def _hash(content: bytes) -> str:
    return blake2b(content, digest_size=8).hexdigest()

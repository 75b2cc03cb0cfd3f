"""JSON events: those of ai-experiments, spans, and points of any other type. Pure.

``check`` and ``read`` open the same envelopes, so they refuse the same items for the same reasons.
"""

from collections import Counter
from collections.abc import Iterator

import msgspec

from tracking.adapters.analytics_body import parse_items
from tracking.adapters.analytics_envelope import SPAN, Envelope, open_envelope
from tracking.adapters.analytics_points import map_point
from tracking.adapters.analytics_spans import map_span
from tracking.adapters.json_items import FaultError, Item
from tracking.events import Batch, Failure, IncomingEvent, Receipt, Rejection
from tracking.identity import content_identity, given_identity, span_identity

FORMAT = "analytics"
IDEMPOTENCY_KEY = "idempotency-key"  # a header: the request as a whole is one identity


def check(body: bytes, *, receipt: Receipt) -> tuple[int, list[Rejection]]:
    """Count the items of a body and say which are refused; raise BadBodyError for all of it."""
    items = parse_items(body)
    opened = _open(items, receipt)
    return len(items), [each for _, each in opened if isinstance(each, Rejection)]


def read(body: bytes, *, receipt: Receipt) -> Batch:
    batch = Batch(events=[], rejections=[], failures=[], origins={})
    items = parse_items(body)
    equals: Counter[bytes] = Counter()
    request_id = receipt.headers.get(IDEMPOTENCY_KEY, "")
    for index, opened in _open(items, receipt):
        if isinstance(opened, Rejection):
            batch.rejections.append(opened)
            continue
        try:
            place = f"{request_id}\0{index}" if request_id else ""
            batch.events.append(_map(opened, _identify(opened, place, equals), receipt))
        except Exception as error:  # any bug of a mapper costs one item, which quarantine shows
            reason = f"{type(error).__name__}: {error}"
            body_alone = msgspec.json.encode(items[index].value)
            batch.failures.append(Failure(index=index, reason=reason, body=body_alone))
    return batch


def _open(items: list[Item], receipt: Receipt) -> Iterator[tuple[int, Envelope | Rejection]]:
    for index, item in enumerate(items):
        try:
            yield index, open_envelope(item, receipt)
        except FaultError as error:
            place = index if item.place is None else item.place
            yield index, Rejection(place, error.fault.code, error.fault.message)


def _map(envelope: Envelope, identity: bytes, receipt: Receipt) -> IncomingEvent:
    mapper = map_span if envelope.type == SPAN else map_point
    return mapper(envelope, identity, receipt)


def _identify(envelope: Envelope, place: str, equals: Counter[bytes]) -> bytes:
    """Identify an event by its id, else by its span, else by its place in a request that has an
    identity, else by its content and its ordinal among equals.
    """
    if envelope.given_id:
        return given_identity(envelope.given_id)
    if envelope.type == SPAN:
        return span_identity(envelope.trace_id, envelope.span_id)
    if place:
        return given_identity(place)
    ordinal = equals[envelope.content]
    equals[envelope.content] += 1
    return content_identity(envelope.content, ordinal)

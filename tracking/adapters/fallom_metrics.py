"""``/spans`` of Fallom: a session's own numbers, the latest value of each. Pure.

All that was said of one (config, session) is a document; its one event holds what counts now. It
lies at the last word's receipt, for the requests name no time.
"""

from collections.abc import Sequence

import msgspec

from tracking.adapters.analytics_points import SESSION_TRACE
from tracking.adapters.dialects.codecs import METADATA
from tracking.adapters.dialects.sealing import seal
from tracking.adapters.json_items import (
    MAX_DEPTH,
    BodyForm,
    FaultError,
    Item,
    is_too_deep,
    parse_items,
)
from tracking.adapters.json_values import JsonObject, number
from tracking.adapters.json_values import name as name_in
from tracking.cleaning import clean_name
from tracking.events import (
    BadBodyError,
    Batch,
    Derived,
    IncomingEvent,
    Kind,
    Part,
    Payload,
    Receipt,
    Rejection,
)
from tracking.folding import GREATEST_METRIC
from tracking.identity import content_rank, given_identity

SYSTEM = "fallom-spans"
NAME = "custom metrics"
EXAMPLE = '{"config_key": "support-agent", "session_id": "s-1", "data": {"converted": true}}'
MAX_METRICS = 200
IDEMPOTENCY_KEY = "idempotency-key"

_encode = msgspec.json.Encoder(order="deterministic").encode


class Said(msgspec.Struct, frozen=True):
    """The body of a part. ``request`` makes each request a word of its own: the same value said
    again, after another one, counts again."""

    config_key: str
    session_id: str
    data: JsonObject
    request: str
    index: int  # within the request


def check(body: bytes, *, receipt: Receipt) -> tuple[int, list[Rejection]]:
    """Count the items and say which are refused; raise BadBodyError when all are."""
    opened = _open_all(parse_items(body, FORM), receipt)
    rejections = [each for each in opened if isinstance(each, Rejection)]
    if rejections and len(rejections) == len(opened):
        raise BadBodyError(rejections[0].message)
    return len(opened), rejections


def read(body: bytes, *, receipt: Receipt) -> Batch:
    opened = _open_all(parse_items(body, FORM), receipt)
    parts = [each for each in opened if isinstance(each, Part)]
    rejections = [each for each in opened if isinstance(each, Rejection)]
    return Batch(events=[], rejections=rejections, failures=[], origins={}, parts=parts)


def _open_all(items: list[Item], receipt: Receipt) -> list[Part | Rejection]:
    opened: list[Part | Rejection] = []
    for index, item in enumerate(items):
        try:
            opened.append(_open(item, index, receipt))
        except FaultError as error:
            opened.append(Rejection(index, error.fault.code, error.fault.message))
    return opened


def _open(item: Item, index: int, receipt: Receipt) -> Part:
    if item.fault is not None:
        raise FaultError(*item.fault)
    sent = item.value
    if not isinstance(sent, dict):
        raise FaultError("not_an_object", f"metrics are an object like {EXAMPLE}")
    data = sent.get("data")
    if not isinstance(data, dict):
        raise FaultError("data_not_an_object", f'"data" must be an object, as in {EXAMPLE}')
    session_id, config_key = (
        clean_name(name_in(sent.get(key))) for key in ("session_id", "config_key")
    )
    if not session_id:
        raise FaultError("session_id_missing", f'"session_id" must be a text, as in {EXAMPLE}')
    if is_too_deep(data):
        raise FaultError("too_deep", f"nested more than {MAX_DEPTH} levels deep")
    request = receipt.headers.get(IDEMPOTENCY_KEY) or str(receipt.received_us)
    said = Said(config_key, session_id, data, request, index)
    return Part(
        system=SYSTEM,
        key=key_of(config_key, session_id),
        body=_encode(said),
        received_us=receipt.received_us,
        moments=(receipt.received_us,),
    )


def key_of(config_key: str, session_id: str) -> str:
    return clean_name(msgspec.json.encode([config_key, session_id]).decode())


def derive(key: str, parts: Sequence[Part]) -> Derived:
    words = [(part.received_us, msgspec.json.decode(part.body, type=Said)) for part in parts]
    words.sort(key=lambda word: (word[0], word[1].index))
    merged: JsonObject = {}
    for _, said in words:
        merged.update(said.data)
    at_us, last = words[-1]
    metrics = _metrics_of(merged)
    labels = {name: value for name, value in merged.items() if isinstance(value, str) and value}
    metadata = METADATA.read(labels)[0] if labels else None
    event = IncomingEvent(
        id=given_identity(f"{SYSTEM}\0{key}"),
        occurred_us=at_us,
        content_rank=content_rank(_encode(merged)),
        kind=int(Kind.EVENT),
        name=NAME,
        trace_id=clean_name(SESSION_TRACE + last.session_id),
        session_own=last.session_id,
        config_key=last.config_key,
        metrics=metrics,
        metadata=metadata if isinstance(metadata, str) else "",
        payload=Payload(attributes={name: seal(value) for name, value in merged.items()}),
    )
    summary = {"config_key": last.config_key, "session_id": last.session_id, "n": len(metrics)}
    return Derived([event], summary)


def _metrics_of(merged: JsonObject) -> tuple[tuple[str, float], ...]:
    """Numbers, and truths as 1 and 0, by name."""
    metrics: dict[str, float] = {}
    for name, value in merged.items():
        found = float(value) if isinstance(value, bool) else number(value)
        if name and found is not None and abs(found) <= GREATEST_METRIC:
            metrics[clean_name(name)] = found
    return tuple(sorted(metrics.items())[:MAX_METRICS])


def _items_of(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _stands_alone(value: dict[str, object]) -> bool:
    return True


FORM = BodyForm(f"send {EXAMPLE}, an array of them, or one a line", _items_of, "", _stands_alone)

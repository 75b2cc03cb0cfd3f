"""Flat spans, as Fallom's wrappers post them: mostly one a request, and never sent again. Pure.

The sender hears nothing but a status and drops what is refused, so little is: a span without an id
or with a time that is none is kept with a warning.
"""

import re

import msgspec

from tracking.adapters.analytics_envelope import PARENT_KEYS, expired_text, id_among, wire_id
from tracking.adapters.analytics_times import BadTimeError, parse_time
from tracking.adapters.fallom_spans import FlatSpan, map_flat_span
from tracking.adapters.json_items import (
    MAX_DEPTH,
    BodyForm,
    FaultError,
    Item,
    is_too_deep,
    parse_items,
)
from tracking.adapters.json_values import JsonObject, number
from tracking.events import BadBodyError, Batch, Failure, Receipt, Rejection
from tracking.identity import content_identity
from tracking.timestamps import is_expired

EXAMPLE = '{"trace_id", "span_id", "session_id", "config_key", "name", "start_time", "end_time"}'
WHAT_TO_SEND = f"send a span like {EXAMPLE}, an array of them, or one a line"
EXPIRED = "expired"
TRACE_ID_MISSING, SPAN_ID_MISSING = "trace_id_missing", "span_id_missing"

_begins_as_otlp = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"resourceSpans"').match
_IDS, _CONFIG = ("trace_id", "span_id"), "config_key"
_MARKS = (b'"trace_id"', b'"span_id"', b'"config_key"')
_TELLING = (_CONFIG, "session_id", "start_time", "attributes")
"""Fields by which a span without any id is one still."""


def is_flat(body: bytes) -> bool:
    """Tell a flat span from OTLP/JSON: it has ids, or Fallom's config, at the top, and no
    ``resourceSpans``."""
    if _begins_as_otlp(body) or not any(mark in body for mark in _MARKS):
        return False
    if b'"resource' not in body:
        return True
    try:
        keys = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (ValueError, RecursionError):
        return False
    return "resourceSpans" not in keys and any(key in keys for key in (*_IDS, _CONFIG))


def check(body: bytes, *, receipt: Receipt) -> tuple[int, list[Rejection]]:
    """Count the spans and say which are refused; raise BadBodyError when none can be read."""
    opened = _open_all(parse_items(body, FORM), receipt)
    rejections = [each for each in opened if isinstance(each, Rejection)]
    if len(rejections) == len(opened) and all(each.code != EXPIRED for each in rejections):
        raise BadBodyError(rejections[0].message if rejections else WHAT_TO_SEND)
    return len(opened), rejections


def read(body: bytes, *, receipt: Receipt) -> Batch:
    batch = Batch(events=[], rejections=[], failures=[], origins={})
    for index, opened in enumerate(_open_all(parse_items(body, FORM), receipt)):
        if isinstance(opened, Rejection):
            batch.rejections.append(opened)
            continue
        try:
            batch.events.append(map_flat_span(opened, receipt))
        except Exception as error:  # one span that no rule foresaw must not cost the others
            reason = f"{type(error).__name__}: {error}"
            batch.failures.append(Failure(index, reason, opened.content))
    return batch


def _open_all(items: list[Item], receipt: Receipt) -> list[FlatSpan | Rejection]:
    opened: list[FlatSpan | Rejection] = []
    for index, item in enumerate(items):
        try:
            opened.append(_open(item, receipt))
        except FaultError as error:
            opened.append(Rejection(index, error.fault.code, error.fault.message))
    return opened


def _open(item: Item, receipt: Receipt) -> FlatSpan:
    if item.fault is not None:
        raise FaultError(*item.fault)
    data = item.value
    if not isinstance(data, dict):
        raise FaultError("not_an_object", f"a span is an object: {WHAT_TO_SEND}")
    if is_too_deep(data):
        raise FaultError("too_deep", f"nested more than {MAX_DEPTH} levels deep")
    trace_id, span_id = (id_among(data, (key,)) for key in _IDS)
    if not (trace_id or span_id or any(data.get(key) for key in _TELLING)):
        raise FaultError("ids_missing", f"trace_id and span_id are missing: {WHAT_TO_SEND}")
    start_ns, end_ns = _times_of(data)
    if is_expired(start_ns // 1000, receipt):
        raise FaultError(EXPIRED, expired_text(start_ns // 1000, receipt))
    warnings = (*item.warnings, *_missing(trace_id, span_id))
    # Of its content, so that sending it again is sending the same span.
    own_id = content_identity(item.encoded, 0).hex() if len(warnings) > len(item.warnings) else ""
    parent = id_among(data, PARENT_KEYS)
    return FlatSpan(
        data,
        item.encoded,
        wire_id(trace_id or own_id),
        wire_id(span_id or own_id[:16]),
        wire_id(parent) if parent.strip("0") else "",
        start_ns,
        end_ns,
        warnings,
    )


def _missing(trace_id: str, span_id: str) -> tuple[str, ...]:
    missing = ((trace_id, TRACE_ID_MISSING), (span_id, SPAN_ID_MISSING))
    return tuple(warning for given, warning in missing if not given)


def _times_of(data: JsonObject) -> tuple[int, int]:
    """Start and end in nanoseconds; 0 where none is named that can be read."""
    start_ns, end_ns = _time_of(data.get("start_time")), _time_of(data.get("end_time"))
    length = number(data.get("duration_ms"))
    if start_ns and not end_ns and length is not None and 0 <= length < 1e12:
        end_ns = start_ns + round(length * 1e6)
    return start_ns, end_ns


def _time_of(sent: object) -> int:
    try:
        return parse_time(sent) or 0
    except BadTimeError:
        return 0


def _items_of(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _stands_alone(value: dict[str, object]) -> bool:
    return True


FORM = BodyForm(WHAT_TO_SEND, _items_of, "", _stands_alone)

"""The items of an events body: one event, ``{"events": […]}``, an array, lines. Pure.

Summaries and results of ai-experiments may stand where events do; each becomes its events.
"""

import msgspec

from tracking.adapters.analytics_summary import expand, size_of
from tracking.adapters.json_items import BodyForm, Item, check_count
from tracking.adapters.json_items import parse_items as parse_body
from tracking.events import BadBodyError

WHAT_TO_SEND = (
    'send {"type", "timestamp", "data"}, {"events": [...]}, an array of events or one event a line'
)
_OTLP_HINT = "this is OTLP: send it to /v1/traces"
_encode = msgspec.json.Encoder().encode


def parse_items(body: bytes) -> list[Item]:
    """Return the items of a body in order; raise BadBodyError when it is none of the shapes."""
    items = parse_body(body, FORM)
    sizes = [size_of(item.value) for item in items if _may_be_whole(item.value)]
    if not any(sizes):
        return items
    check_count(sum(sizes) + len(items) - len(sizes))
    return [each for index, item in enumerate(items) for each in _expand(item, index, len(items))]


def _may_be_whole(value: object) -> bool:
    return type(value) is dict and "type" not in value


def _expand(item: Item, index: int, n_items: int) -> list[Item]:
    """The events of a summary or a result. A body that is nothing but one counts its events."""
    place = index if n_items > 1 else None
    if not (_may_be_whole(item.value) and size_of(item.value)):
        return [item._replace(place=place)]
    events = expand(item.value)  # type: ignore[arg-type]  # size_of told that it is an object
    return [Item(each, _encode(each), None, item.warnings, place) for each in events]


def _items_of(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        raise BadBodyError(f"the body is neither an object nor an array: {WHAT_TO_SEND}")
    if "type" in value:
        return [value]
    if "events" in value:
        events = value["events"]
        if not isinstance(events, list):
            raise BadBodyError('"events" must be an array of events')
        return events
    if "resourceSpans" in value or "resource_spans" in value:
        raise BadBodyError(_OTLP_HINT)
    return [value]


def _stands_alone(value: dict[str, object]) -> bool:
    return "type" in value


FORM = BodyForm(WHAT_TO_SEND, _items_of, "events", _stands_alone)

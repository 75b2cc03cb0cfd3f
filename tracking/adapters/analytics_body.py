"""The items of an events body: one event, ``{"events": […]}``, an array, a summary. Pure."""

from tracking.adapters.analytics_summary import expand_summary, is_summary
from tracking.adapters.json_items import BodyForm, Item
from tracking.adapters.json_items import parse_items as parse_body
from tracking.events import BadBodyError

WHAT_TO_SEND = (
    'send {"type", "timestamp", "data"}, {"events": [...]}, an array of events or one event a line'
)
_OTLP_HINT = "this is OTLP: send it to /v1/traces"


def parse_items(body: bytes) -> list[Item]:
    """Return the items of a body in order; raise BadBodyError when it is none of the shapes."""
    return parse_body(body, FORM)


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
    return expand_summary(value) if is_summary(value) else [value]


def _stands_alone(value: dict[str, object]) -> bool:
    return "type" in value


FORM = BodyForm(WHAT_TO_SEND, _items_of, "events", _stands_alone, is_summary)

"""Wire formats by name. An adapter is two pure functions over an inflated body.

``check`` runs at the door and must be cheap: how many items, and which are refused and why.
``read`` runs at digest: the events, the same refusals, and the items that could not be understood.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import msgspec

import tracking.adapters.analytics as analytics
import tracking.adapters.otlp as otlp
from tracking.events import Batch, IncomingEvent, Receipt, Rejection


@dataclass(frozen=True, slots=True)
class Adapter:
    check: Callable[..., tuple[int, list[Rejection]]]
    read: Callable[..., Batch]


def _read_event(body: bytes, *, receipt: Receipt) -> Batch:
    """An event that was normalised before, from quarantine."""
    event = msgspec.json.decode(body, type=IncomingEvent)
    return Batch(events=[event], rejections=[], failures=[], origins={})


def _check_event(body: bytes, *, receipt: Receipt) -> tuple[int, list[Rejection]]:
    return 1, []


ADAPTERS: dict[str, Adapter] = {
    "analytics": Adapter(analytics.check, analytics.read),
    "otlp-protobuf": Adapter(partial(otlp.check, json=False), partial(otlp.read, json=False)),
    "otlp-json": Adapter(partial(otlp.check, json=True), partial(otlp.read, json=True)),
    "assay-event": Adapter(_check_event, _read_event),
}

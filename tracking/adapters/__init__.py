"""Wire formats by name. An adapter is two pure functions over an inflated body.

``check`` runs at the door and must be cheap: how many items, and which are refused and why.
``read`` runs at digest: the events, the same refusals, and the items that could not be understood.
A deriver says what all the parts of a document mean; it must not depend on the order in which they
came, beyond what their bodies and times of receipt say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import msgspec

import tracking.adapters.analytics as analytics
import tracking.adapters.dogpile as dogpile
import tracking.adapters.fallom_metrics as fallom_metrics
import tracking.adapters.handed_on as handed_on
import tracking.adapters.matey as matey
import tracking.adapters.matey_deriving as matey_deriving
import tracking.adapters.otlp_logs as otlp_logs
import tracking.adapters.scores as scores
import tracking.adapters.trace_bodies as trace_bodies
from tracking.events import (
    EVENT_FORMAT,
    PART_FORMAT,
    PARTS_FORMAT,
    Batch,
    Derived,
    IncomingEvent,
    Part,
    Receipt,
    Rejection,
)


@dataclass(frozen=True, slots=True)
class Adapter:
    check: Callable[..., tuple[int, list[Rejection]]]
    read: Callable[..., Batch]
    makes_documents: bool = False


Deriver = Callable[[str, Sequence[Part]], Derived]
"""(key, parts in order of receipt) → what they mean. Pure."""


def _read_event(body: bytes, *, receipt: Receipt) -> Batch:
    """An event that was normalised before, from quarantine."""
    event = msgspec.json.decode(body, type=IncomingEvent)
    return Batch(events=[event], rejections=[], failures=[], origins={})


def _check_one(body: bytes, *, receipt: Receipt) -> tuple[int, list[Rejection]]:
    return 1, []


def _read_part(body: bytes, *, receipt: Receipt) -> Batch:
    """A part of a document, from quarantine."""
    part = msgspec.json.decode(body, type=Part)
    return Batch(events=[], rejections=[], failures=[], origins={}, parts=[part])


ADAPTERS: dict[str, Adapter] = {
    "analytics": Adapter(analytics.check, analytics.read),
    "otlp-protobuf": Adapter(
        partial(trace_bodies.check, json=False), partial(trace_bodies.read, json=False)
    ),
    "otlp-json": Adapter(
        partial(trace_bodies.check, json=True), partial(trace_bodies.read, json=True)
    ),
    "otlp-logs-protobuf": Adapter(
        partial(otlp_logs.check, json=False),
        partial(otlp_logs.read, json=False),
        makes_documents=True,
    ),
    "otlp-logs-json": Adapter(
        partial(otlp_logs.check, json=True),
        partial(otlp_logs.read, json=True),
        makes_documents=True,
    ),
    "scores": Adapter(scores.check, scores.read, makes_documents=True),
    fallom_metrics.SYSTEM: Adapter(fallom_metrics.check, fallom_metrics.read, makes_documents=True),
    "dogpile": Adapter(dogpile.check, dogpile.read, makes_documents=True),
    "matey": Adapter(matey.check, matey.read, makes_documents=True),
    EVENT_FORMAT: Adapter(_check_one, _read_event),
    PART_FORMAT: Adapter(_check_one, _read_part, makes_documents=True),
    PARTS_FORMAT: Adapter(handed_on.check, handed_on.read, makes_documents=True),
}

DERIVERS: dict[str, Deriver] = {
    scores.SYSTEM: scores.derive,
    fallom_metrics.SYSTEM: fallom_metrics.derive,
    dogpile.SYSTEM: dogpile.derive_run,
    dogpile.LOOSE_SYSTEM: dogpile.derive_loose,
    matey.EXCHANGES: matey_deriving.derive_exchange,
    matey.ORPHANS: matey_deriving.derive_orphan,
    matey.BACKENDS: matey_deriving.derive_backend,
}

"""Events as adapters hand them on, for tests without a database."""

import datetime as dt
from typing import Any

from tracking.events import IncomingEvent, Kind
from tracking.folding import Fact

NOON_US = int(dt.datetime(2026, 3, 4, 12, tzinfo=dt.UTC).timestamp()) * 1_000_000


def make_fact(name, at=0, *, cost=None, **fields):
    event = IncomingEvent(
        id=name.encode().ljust(16, b"\0"),
        occurred_us=at,
        content_rank=0,
        name=name,
        trace_id="t",
        **{"duration_us": 10, **fields},
    )
    return Fact(event, cost)


def make_event(**fields):
    fields = {"id": b"x" * 16, "occurred_us": 1, "content_rank": 1, "name": "chat"} | fields
    return IncomingEvent(**fields)


def make_call(**changes):
    values: dict[str, Any] = {
        "id": bytes(16),
        "occurred_us": NOON_US,
        "duration_us": 1000,
        "content_rank": 0,
        "kind": Kind.LLM,
        "name": "chat",
        "provider": "openai",
        "model": "gpt-4o",
        "tokens_in": 1000,
        "tokens_out": 100,
    }
    return IncomingEvent(**(values | changes))

"""Spans as Fallom's wrappers send them, one a producer, and how tests read them."""

import json
from pathlib import Path
from typing import Any

from tracking.adapters import trace_bodies
from tracking.adapters.dialects.message_parts import Message, Part
from tracking.adapters.dialects.messages import messages_of
from tracking.events import IncomingEvent, Receipt

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads" / "fallom"
RECEIPT = Receipt(received_us=1_772_615_800_000_000, horizon_us=1_764_547_200_000_000)
"""A minute and a half after the samples began."""


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return found


def map_body(body: bytes, receipt: Receipt = RECEIPT) -> IncomingEvent:
    n_items, rejections = trace_bodies.check(body, json=True, receipt=receipt)
    batch = trace_bodies.read(body, json=True, receipt=receipt)
    assert (n_items, rejections, batch.rejections, batch.failures) == (1, [], [], [])
    return batch.events[0]


def map_sample(sample: str, /, **fields: Any) -> IncomingEvent:
    """A sample with some fields changed; None takes one away."""
    said = {key: value for key, value in (load(sample) | fields).items() if value is not None}
    return map_body(json.dumps(said).encode())


def with_raw(sample: str, /, **raws: Any) -> IncomingEvent:
    """A sample with some ``fallom.raw.*`` replaced by the JSON text of a value; None removes."""
    attributes = load(sample)["attributes"]
    for key, value in raws.items():
        attributes[f"fallom.raw.{key}"] = value if isinstance(value, str) else json.dumps(value)
    kept = {key: value for key, value in attributes.items() if value != "null"}
    return map_sample(sample, attributes=kept)


def said_in(event: IncomingEvent) -> list[tuple[str, str]]:
    return [(m.role, text_of(m)) for m in messages_of(event.payload, _attributes(event), "input")]


def said_out(event: IncomingEvent) -> list[tuple[str, str]]:
    return [(m.role, text_of(m)) for m in messages_of(event.payload, _attributes(event), "output")]


def text_of(message: Message) -> str:
    """The parts of a message in one line: texts as they are, calls as ``name(arguments)#id``."""
    return " | ".join(map(_part_text, message.parts))


def _part_text(part: Part) -> str:
    if part.type == "tool_call":
        return f"{part.name}({part.arguments})#{part.call_id}"
    return (
        f"{part.name} gave {part.text}#{part.call_id}" if part.type == "tool_result" else part.text
    )


def _attributes(event: IncomingEvent) -> dict[str, object]:
    return event.payload.attributes or {}

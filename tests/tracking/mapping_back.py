"""Mapping one span, and all of it back: for tests of dialects."""

import msgspec

from tests.tracking.adapters.otlp_building import map_one
from tracking.adapters import otlp_spans, otlp_values
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.adapters.dialects.sealing import unseal
from tracking.events import Payload

LONG = '[{"role": "user", "content": "Where is my order, please?"}]'


def map_all(attributes, **fields):
    """The event, after making sure that every attribute comes back as it was."""
    event = map_one(attributes, **fields)
    rebuilt = unseal(rebuild_attributes(event, event.payload))
    assert rebuilt == attributes
    assert {name: type(value) for name, value in rebuilt.items()} == {
        name: type(value) for name, value in attributes.items()
    }
    return event


def tokens_of(event):
    return event.tokens_in, event.tokens_out, event.tokens_cache_read, event.tokens_cache_write


def stored(event):
    """The event as a row and a block give it back."""
    payload = msgspec.json.decode(msgspec.json.encode(event.payload), type=Payload)
    return msgspec.structs.replace(event, payload=Payload(), needs_clock=False), payload


def forget_what_was_read(patched):
    """Within ``patched``, attributes are read by the tables as they are now."""
    patched.setattr(otlp_values, "_specs", {})
    patched.setattr(otlp_values, "_once", set())
    patched.setattr(otlp_values, "_memo", {})
    patched.setattr(otlp_spans, "recall", lambda blob: None)

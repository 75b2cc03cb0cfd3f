"""Mapping one span, and all of it back: for tests of dialects."""

from tests.tracking.adapters.otlp_building import map_one
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.adapters.dialects.sealing import unseal

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

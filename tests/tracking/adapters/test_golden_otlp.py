"""What real clients sent, recorded, and what it must mean: the tables in tests/payloads/otlp."""

import json

import pytest

from tests.tracking.adapters.golden import RECORDINGS, read, tell
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.adapters.dialects.sealing import unseal

TRACES = [path for path in RECORDINGS if ".logs" not in path.suffixes]


def name_of(path):
    return path.stem


def sent_spans(path):
    return {
        span["spanId"]: span
        for of_resource in json.loads(path.read_text())["resourceSpans"]
        for of_scope in of_resource["scopeSpans"]
        for span in of_scope["spans"]
    }


def test_there_are_recordings():
    assert (len(TRACES), len(RECORDINGS)) >= (13, 16)


@pytest.mark.parametrize("path", RECORDINGS, ids=name_of)
def test_it_is_understood(path):
    assert tell(read(path)) == path.with_suffix(".txt").read_text()


@pytest.mark.parametrize("path", TRACES, ids=name_of)
def test_no_attribute_is_lost(path):
    sent = sent_spans(path)

    for event in read(path):
        rebuilt = unseal(rebuild_attributes(event, event.payload))
        attributes = sent[event.span_id].get("attributes", [])
        assert rebuilt == {pair["key"]: plain(pair["value"]) for pair in attributes}


def plain(value):
    """An attribute value of OTLP/JSON as Python has it."""
    ((kind, held),) = value.items() if value else (("", None),)
    if kind == "intValue":
        return int(held)
    if kind == "arrayValue":
        return [plain(each) for each in held.get("values", [])]
    if kind == "kvlistValue":
        return {pair["key"]: plain(pair["value"]) for pair in held.get("values", [])}
    return held

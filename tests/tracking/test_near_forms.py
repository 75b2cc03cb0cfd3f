"""Shapes that are nearly right: the answer names the field and the form that is read."""

import json
import re
from pathlib import Path

import pytest
from drf_spectacular.generators import SchemaGenerator

import tracking.adapters
from tests.tracking.report_streams import tell

pytestmark = pytest.mark.usefixtures("pipeline")
SCORE = {"trace_id": "t", "name": "a", "value": 1}


NEAR = {
    "events of Segment": (
        "/api/v1/events",
        {"event": "purchase", "properties": {}},
        ('"type" must be a text', '"event" is not read as such: name it "type"'),
    ),
    "another wrapper": (
        "/api/v1/events",
        {"batch": [{"type": "a"}]},
        ('the array under "batch" is not read: name it "events"',),
    ),
    "a span without its envelope": (
        "/api/v1/events",
        {"trace_id": "t", "span_id": "s"},
        ('{"type": "span", "data": {"trace_id"',),
    ),
    "a score under another name": (
        "/api/v1/scores",
        {"trace_id": "t", "name": "a", "score": 1},
        ('"value" must be a number', '"score" is not read as such: name it "value"'),
    ),
    "a metric": (
        "/api/v1/scores",
        {"trace_id": "t", "metric": "a", "value": 1},
        ('"name" must be', '"metric" is not read as such: name it "name"'),
    ),
    "wrapped scores": (
        "/api/v1/scores",
        {"items": [SCORE]},
        ('the array under "items" is not read: name it "scores"',),
    ),
    "a score of nothing": (
        "/api/v1/scores",
        {"name": "a", "value": 1},
        ("session_id, trace_id, span_id, run_id or user_id",),
    ),
}


@pytest.mark.parametrize(("path", "body", "words"), NEAR.values(), ids=NEAR)
def test_a_refused_item_names_the_form_that_is_read(sender, path, body, words):
    answer = sender.post(path, json.dumps(body), content_type="application/json")

    assert answer.status_code == 202
    (rejected,) = answer.json()["rejected"]
    for word in words:
        assert word in rejected["message"]


@pytest.mark.parametrize("odd", [None, "", [], {}, [1], 5, {"x": 1}])
def test_a_near_key_of_any_value_is_no_trouble(sender, odd):
    body = [{"event": odd, "batch": odd}, {"trace_id": "t", "score": odd, "items": odd}]
    for path in ("/api/v1/events", "/api/v1/scores"):
        answer = sender.post(path, json.dumps(body), content_type="application/json")

        assert len(answer.json()["rejected"]) == 2


def post_spans(sender, *spans):
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    return sender.post("/v1/traces", json.dumps(body), content_type="application/json")


def test_spans_in_snake_case_are_told_so_and_cost_no_neighbour(sender):
    _, good = tell("good")
    snake = {"trace_id": good["traceId"], "span_id": good["spanId"], "name": "x"}

    answer = post_spans(sender, snake, good)

    told = answer.json()["partialSuccess"]
    assert (answer.status_code, told["rejectedSpans"]) == (200, "1")
    assert "lowerCamelCase: traceId, not trace_id" in told["errorMessage"]


CODES = re.compile(r'(?:FaultError|Fault)\(\s*"([a-z_]+)"')
READ_BY = {
    "/api/v1/events": ("analytics*.py", "json_items.py"),
    "/api/v1/scores": ("scores.py", "json_items.py"),
}


@pytest.mark.parametrize(("path", "files"), READ_BY.items(), ids=READ_BY)
def test_the_schema_says_every_code_of_a_refused_item(path, files):
    folder = Path(tracking.adapters.__file__).parent
    texts = [each.read_text() for name in files for each in folder.glob(name)]
    codes = {code for text in texts for code in CODES.findall(text)}
    assert len(codes) > 5

    schema = SchemaGenerator().get_schema(request=None, public=True)
    said = schema["paths"][f"{path}/"]["post"]["description"]

    assert {code for code in codes if f"`{code}`" not in said} == set()

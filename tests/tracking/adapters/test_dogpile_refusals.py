"""What the door of runs refuses, and odd values inside of what it takes."""

import itertools

import pytest

from tests.tracking.dogpile_runs import (
    RECEIVED_US,
    RUN_ID,
    START_US,
    event,
    load,
    parts_of,
    turn,
)
from tracking.adapters.dogpile import check, derive_run
from tracking.adapters.dogpile.body import parse_items
from tracking.adapters.dogpile.building import build_run
from tracking.adapters.dogpile.shapes import MAX_SUB_RUNS, Shape, tell_shape
from tracking.adapters.dogpile.timeline import build_timeline
from tracking.adapters.dogpile.values import canonical, open_body
from tracking.events import BadBodyError, Receipt

RECEIPT = Receipt(RECEIVED_US, 1)


def test_chunks_are_stored_without_the_texts_they_repeat():
    chunk = load("event-model-output-chunk.json")
    later = {**chunk, "chunkIndex": 1, "text": "sel", "output": "role_sel"}
    first, second = (part.body for part in parts_of(chunk, later))

    assert b'"output"' not in first + second
    assert b'"input"' in first
    assert b'"input"' not in second


REFUSED = {
    "no type": ({"foo": 1}, 'neither "type" nor "kind"'),
    "an event without a run": ({"type": "agent-turn"}, '"runId" must be a text'),
    "sub-runs without an end": (
        event("final", 1) | {"parentRunIds": ["r"] * 33},
        '"parentRunIds" names 33 runs around it, at most 32 are taken',
    ),
    "a time that is none": (event("final", 1) | {"at": "soon"}, "\"at\": 'soon' is not a time"),
    "a trace without events": (
        {"schemaVersion": "1.0", "runId": "r"},
        '"events" is missing: a trace',
    ),
    "a trace with odd events": (
        {"schemaVersion": "1", "runId": "r", "events": 1},
        "must be an array",
    ),
    "a result without a run id": ({"trace": {}}, '"trace.runId" must be a text'),
    "a transcript": (
        {"kind": "run-transcript", "runId": "r"},
        '"entries" is missing: a transcript',
    ),
    "nearly a benchmark": ({"reproducibility": {}, "score": {}}, "the nearest form: a benchmark"),
    "another kind": ({"kind": "report", "runId": "r"}, '"kind" is "report", which is none of'),
    "another's": ({"resourceSpans": []}, "send it to /v1/traces"),
}


@pytest.mark.parametrize(("value", "hint"), REFUSED.values(), ids=REFUSED)
def test_a_wrong_shape_is_refused_with_the_field_and_the_nearest_form(value, hint):
    with pytest.raises(BadBodyError) as refused:
        check(canonical(value), receipt=RECEIPT)

    assert hint in str(refused.value)


def test_times_before_the_horizon_are_refused_wherever_they_stand():
    old = Receipt(RECEIVED_US, START_US + 1_000_000)
    body = canonical([load("trace-replay.json"), turn("a", 5, 0.1, 20)])

    assert [(r.index, r.code) for r in check(body, receipt=old)[1]] == [(0, "expired")]


def test_bodies_are_read_as_javascript_writes_and_python_breaks_them():
    body = b'{"type": "final", "runId": "r", "quality": NaN, "x": -0.0, "y": "\\ud800", "n": -0}'
    value = parse_items(body).items[0].value

    assert (value["quality"], value["x"]) == (None, 0)
    assert canonical(value["x"]) == b"0"
    assert open_body(canonical(value))["y"] == "\ufffd"


def test_a_trace_in_an_envelope_with_a_type_is_a_trace():
    assert tell_shape({**load("trace-replay.json"), "type": "trace"}) is Shape.TRACE


HOSTILE = [
    event("agent-turn", 1, agentId=5, cost="free", output=["x"], decision="no"),
    event("tool-result", 1, toolCallId=None, result=[1], tool="x"),
    event("broadcast", 1, round="one", contributions={"a": 1}, cost=None),
    event("final", 1, termination=[], transcript=None, quality="high"),
    event("model-response", 1, callId=[], response="text", completedAt="2999-01-01"),
    event("sub-run-completed", 1, childRunId=RUN_ID, subResult={"trace": []}),
    event("error", 1, detail="x", message=None),
    event("unheard-of", 1),
    event("final", 1, quality=10**400, cost={"usd": -(10**400), "inputTokens": 10**400}),
    {"schemaVersion": 1, "runId": RUN_ID, "events": [1, {}, {"type": 2}], "inputs": [], "seed": 3},
    {"kind": "benchmark-run", "runId": RUN_ID, "reproducibility": {"task": 3}, "score": []},
    {"kind": "run-transcript", "runId": RUN_ID, "entries": [{}, 3, {"toolCalls": [{}, 4]}]},
    {"auditSchemaVersion": "1", "runId": RUN_ID, "outcome": [], "agents": 3},
    {"trace": {"runId": RUN_ID, "events": None}, "metadata": [], "health": 3, "accounting": "x"},
    {"runId": RUN_ID, "outcome": 3, "turns": "many", "costUsd": []},
]


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_odd_values_inside_cost_themselves_at_most(value):
    derived = derive_run(RUN_ID, parts_of(value, turn("a", 3, 0.1, 20)))

    assert "turn:a:1" in {e.span_id for e in derived.events} or value.get("schemaVersion") == 1
    assert derived.summary["status"]


def test_a_run_without_times_stands_at_its_receipt():
    timeline = build_timeline(build_run(RUN_ID, parts_of(load("transcript-artifact.json"))))

    assert (timeline.start_us, timeline.end_us) == (RECEIVED_US, RECEIVED_US)
    assert [t.role for t in timeline.turns] == ["planner", "critic"]


def test_sub_runs_too_deep_hang_below_the_run():
    chain = [RUN_ID, *(f"child-{n}" for n in range(2_000))]
    events = [
        event("agent-turn", 1, run_id=run_id, parentRunIds=[RUN_ID, above])
        for above, run_id in itertools.pairwise(chain)
    ]

    run = build_run(RUN_ID, parts_of(*events))

    depth, level = 0, run.children
    while level:
        depth, level = depth + 1, [child for each in level for child in each.children]
    assert depth <= MAX_SUB_RUNS
    assert len(derive_run(RUN_ID, parts_of(*events)).events) > 2_000

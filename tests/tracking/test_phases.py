"""What a sender timed within one span, as bars."""

import json

import pytest

from tests.tracking.adapters.fallom_samples import load
from tracking.phases import MAX_PHASES, list_phases


def phases_of(timings, duration_ms=1000.0):
    return list_phases({"fallom.raw.timings": json.dumps(timings)}, duration_ms)


def test_phases_lie_on_the_spans_own_axis():
    found = list_phases(load("trace-vercel-generate-text")["attributes"], 2600.0)

    assert [(phase.kind, phase.label, phase.duration_ms) for phase in found] == [
        ("llm", "LLM Call 1 (decides tools)", 900.0),
        ("tool", "weather()", 500.0),
        ("llm", "LLM Call 2 → Final Response", 1200.0),
    ]
    assert [round(phase.offset, 3) for phase in found] == [0.0, 0.346, 0.538]
    assert found[-1].offset + found[-1].width == 1.0


def test_an_estimate_is_told():
    (phase,) = phases_of(
        {"phases": [{"type": "tool", "startMs": 0, "endMs": 5, "accurate": False}]}
    )

    assert (phase.is_accurate, phase.label) == (False, "tool")


def test_tools_that_were_timed_stand_in_for_phases():
    found = phases_of({"toolTimings": [{"name": "find", "startTime": 100, "endTime": 350}]})

    assert [(phase.kind, phase.label, phase.offset, phase.width) for phase in found] == [
        ("tool", "find", 0.1, 0.25)
    ]


def test_phases_longer_than_the_span_stretch_the_axis():
    found = phases_of({"phases": [{"label": "a", "startMs": 0, "endMs": 4000}]})

    assert (found[0].offset, found[0].width) == (0.0, 1.0)


@pytest.mark.parametrize(
    "timings",
    [
        {"requestStart": 0, "requestEnd": 5, "responseEnd": 5, "totalDurationMs": 5},
        {"phases": "many"},
        {"phases": [{"startMs": "0", "endMs": 1}, {"startMs": 5, "endMs": 1}, {"label": "x"}, 7]},
        {"phases": [{"startMs": -1, "endMs": 1}, {"startMs": 0, "endMs": 1e300}]},
        [],
    ],
)
def test_what_is_no_phase_is_left_out(timings):
    assert phases_of(timings) == []


def test_they_are_bounded():
    assert len(phases_of({"phases": [{"startMs": 0, "endMs": 1}] * 500})) == MAX_PHASES

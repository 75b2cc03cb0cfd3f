"""Evaluations that spans carry, as they are read from attributes and events."""

from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.tracking.adapters.otlp_building import make_pairs
from tests.tracking.mapping_back import map_all


def test_evaluations_of_a_span_are_scores():
    attributes = {
        "evaluations.0.evaluation.name": "relevance",
        "evaluations.0.evaluation.score": 0.75,
        "evaluations.0.evaluation.label": "good",
        "evaluations.4294967295.evaluation.name": "tone",
        "evaluations.4294967295.evaluation.label": "kind",
        "evaluations.1.evaluation.name": "nothing",
        "trace.annotations.0.annotation.name": "stars",
        "trace.annotations.0.annotation.score": 4,
        "trace.annotations.0.annotation.annotator_kind": "HUMAN",
        "trace.annotations.0.annotation.explanation": "Fine.",
    }

    event = map_all(attributes)

    assert event.metrics == ()
    assert [(e.scope, e.name, e.value, e.source, e.comment) for e in event.evaluations] == [
        ("span", "relevance", 0.75, "judge", ""),
        ("span", "tone", "kind", "judge", ""),
        ("trace", "stars", 4.0, "human", "Fine."),
    ]
    assert event.evaluations[0].rest == {"label": "good"}


def test_evaluations_among_a_spans_events_are_its_scores():
    said = {"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.value": 0.5}
    event = Span.Event(name="gen_ai.evaluation.result", attributes=make_pairs(said))

    found = map_all({}, events=[event, event]).evaluations

    assert [(e.name, e.value, e.source) for e in found] == [("tone", 0.5, "judge")] * 2
    assert found[0].key != found[1].key

import uuid

import pytest

from tests.tracking.stage import at
from tracking.filters import EventFilter
from tracking.listing import list_spans
from tracking.reading import read_session, read_span, read_trace, session_window


@pytest.fixture
def project_id(day, db):
    return day


def test_a_session_comes_with_its_traces_in_order(project_id):
    found = read_session(project_id, "s1")

    assert (found.session.id, found.hidden_traces) == ("s1", 0)
    assert [trace.trace_id for trace in found.traces] == ["a1", "a2"]
    assert found.latency_p95_ms == 1000


def test_a_session_says_how_many_traces_it_does_not_show(project_id):
    found = read_session(project_id, "s1", trace_limit=1)

    assert ([trace.trace_id for trace in found.traces], found.hidden_traces) == (["a1"], 1)


def test_a_trace_comes_with_its_spans_in_order(project_id):
    found = read_trace(project_id, "a1")

    assert [span.span_id for span in found.spans] == ["a1-root", "a1-call"]
    assert (found.trace.name, found.trace.session_id, found.trace.user_id) == (
        "a1-root",
        "s1",
        "ada",
    )
    assert (found.trace.started_at, found.trace.duration_ms) == (at("9:00"), 2000)
    assert (found.trace.status, found.trace.cost_usd, found.hidden) == ("unset", 0.25, 0)


def test_a_span_inherits_session_and_user(project_id):
    call = read_trace(project_id, "a1").spans[1]

    assert (call.session_id, call.user_id, call.parent_span_id) == ("s1", "ada", "a1-root")


def test_a_trace_says_how_many_spans_it_does_not_show(project_id):
    found = read_trace(project_id, "a1", limit=1)

    assert ([span.span_id for span in found.spans], found.hidden) == (["a1-root"], 1)


def test_a_trace_without_a_session_has_an_implicit_one(project_id):
    assert read_trace(project_id, "d1").trace.session_id == "trace:d1"


def test_a_span_comes_with_its_content(project_id):
    found = read_span(project_id, "a1", "a1-call")

    assert (found.content.input, found.content.output) == ("Where is it?", "Answer of a1.")
    assert found.content.attributes == {
        "assay.prompt": "answer",
        "assay.prompt_version": "2",
        "gen_ai.provider.name": "openai",
    }
    assert (found.span.prompt.key, found.span.prompt.version) == ("answer", "2")
    assert (found.span.tokens.input, found.span.cost_usd, found.span.cost_source) == (
        100,
        0.25,
        "caller",
    )


def test_arms_are_rebuilt_as_attributes(project_id):
    found = read_span(project_id, "a1", "a1-root")

    assert found.span.arms == {"tone": "warm"}
    assert found.content.attributes == {"assay.experiment": "tone", "assay.variant": "warm"}


def test_a_failed_span_says_why(project_id):
    call = read_span(project_id, "b1", "b1-call").span

    assert (call.status, call.error_type, call.error) == ("error", "Timeout", "slow")


def test_a_point_is_found_by_its_id(project_id):
    (point,) = read_trace(project_id, "run-1").spans

    found = read_span(project_id, "run-1", point.key)

    assert (found.span.kind, found.span.name, found.span.duration_ms) == (
        "event",
        "variant.complete",
        None,
    )
    assert found.content.attributes["metricValue"] == 0.5


def test_windows_of_a_session_follow_each_other(project_id):
    first = session_window(project_id, "s1", limit=3)
    second = session_window(project_id, "s1", after=first.next_after, limit=3)

    seen = [event.span.span_id for event in [*first.events, *second.events]]
    assert seen == ["a1-root", "a1-call", "a2-root", "a2-call"]
    assert (first.is_continuation, second.is_continuation) == (False, True)
    assert second.next_after is None


def test_a_window_brings_content(project_id):
    window = session_window(project_id, "s1")

    assert [event.content.output for event in window.events if event.span.kind == "llm"] == [
        "Answer of a1.",
        "Answer of a2.",
    ]


@pytest.mark.parametrize("after", ["nonsense", "2026-01-01~x", "2026-01-01T00:00:00~" + "0" * 32])
def test_a_place_that_means_nothing_starts_over(project_id, after):
    assert session_window(project_id, "s1", after=after).is_continuation is False


@pytest.mark.parametrize("name", ["nobody", "", "nul\x00", "x" * 3000, "' OR 1=1 --"])
def test_what_is_not_there_is_none(project_id, name):
    assert read_session(project_id, name) is None
    assert read_trace(project_id, name) is None
    assert read_span(project_id, "a1", name) is None
    assert session_window(project_id, name).events == []


def test_other_projects_are_not_there(project_id):
    other = project_id + 1

    assert read_session(other, "s1") is None
    assert read_trace(other, "a1") is None
    assert read_span(other, "a1", "a1-call") is None
    assert session_window(other, "s1").events == []


def test_an_unknown_id_finds_no_point(project_id):
    assert read_span(project_id, "run-1", str(uuid.uuid4())) is None


def test_list_and_trace_show_the_same_span(project_id):
    listed = list_spans(project_id, EventFilter(trace_id="b1", kind="llm")).rows

    assert listed == read_trace(project_id, "b1").spans[1:]

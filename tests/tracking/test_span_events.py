"""What a span's own events say, and the panel that shows them."""

import json

import pytest
from django.utils import timezone

from tests.flows import digest_all, make_sender
from tests.tracking.span_samples import START
from tracking.span_events import SHOWN, SHOWN_ATTRIBUTES, list_span_events

TRACE = "5b" * 16
START_NS = int(START.timestamp()) * 10**9
STACK = 'Traceback (most recent call last):\n  File "a.py", line 1\nValueError: <no>'


def read(*events, duration_ms=1000.0):
    return list_span_events(list(events), START, duration_ms)


def event(name, attributes=None, *, at_ms=0.0, dropped=None):
    sent = [name, START_NS + int(at_ms * 1e6), attributes or {}]
    return sent if dropped is None else [*sent, dropped]


def test_an_exception_has_its_type_message_and_stack_trace():
    raised = {
        "exception.type": "ValueError",
        "exception.message": "<no>",
        "exception.stacktrace": STACK,
        "exception.escaped": "False",
    }

    (found,) = read(event("exception", raised, at_ms=250))

    assert (found.kind, found.title, found.text) == ("exception", "ValueError", "<no>")
    assert (found.stacktrace, found.n_lines) == (STACK, 3)
    assert [(each.name, each.text) for each in found.attributes] == [("exception.escaped", "False")]
    assert (found.offset_ms, found.share) == (250.0, 0.25)


def test_an_exception_of_another_type_than_text_keeps_it_among_its_attributes():
    (found,) = read(event("exception", {"exception.type": 7, "exception.message": "no"}))

    assert (found.title, found.text) == ("Exception", "no")
    assert [(each.name, each.text) for each in found.attributes] == [("exception.type", "7")]


@pytest.mark.parametrize(
    ("name", "attributes", "title", "text"),
    [
        ("gen_ai.user.message", {"content": "Hi"}, "user", "Hi"),
        ("gen_ai.choice", {"message": {"content": "Ho"}}, "assistant", "Ho"),
        ("gen_ai.content.prompt", {"gen_ai.prompt": "Hi"}, "user", "Hi"),
        (
            "gen_ai.client.inference.operation.details",
            {
                "gen_ai.input.messages": '[{"role": "user", "content": "Hi"}]',
                "gen_ai.output.messages": '[{"role": "assistant", "content": "Ho"}]',
            },
            "user, assistant",
            "Hi\n\nHo",
        ),
    ],
)
def test_a_message_says_who_said_what(name, attributes, title, text):
    (found,) = read(event(name, attributes))

    assert (found.kind, found.title, found.text) == ("message", title, text)


def test_an_evaluation_is_a_name_and_a_value():
    said = {
        "gen_ai.evaluation.name": "Relevance",
        "gen_ai.evaluation.score.value": 0.75,
        "gen_ai.evaluation.explanation": "mostly",
    }

    (found,) = read(event("gen_ai.evaluation.result", said))

    assert (found.kind, found.title, found.text) == ("evaluation", "Relevance = 0.75", "mostly")
    assert found.attributes == []


def test_a_feature_flag_is_a_key_and_a_variant():
    flag = {"feature_flag.key": "tone", "feature_flag.result.variant": "warm"}

    (found,) = read(event("feature_flag.evaluation", flag))

    assert (found.kind, found.title) == ("flag", "tone: warm")


def test_any_other_event_shows_its_attributes():
    (found,) = read(event("cache.miss", {"n": 3, "hit": False, "keys": ["a"], "j": '{"a": 1}'}))

    assert (found.kind, found.title) == ("event", "")
    assert [(each.text, each.value) for each in found.attributes] == [
        ("3", None),
        ("false", None),
        ("", ["a"]),
        ('{"a": 1}', {"a": 1}),
    ]


def test_they_stand_in_the_order_of_their_times():
    found = read(event("b", at_ms=20), event("a", at_ms=10))

    assert [each.name for each in found] == ["a", "b"]


@pytest.mark.parametrize(
    ("at_ms", "offset_ms", "share"),
    [
        (-5, -5.0, None),  # before the span began
        (1500, 1500.0, None),  # after it ended
        (2 * 86_400_000, None, None),  # another clock
        (-2 * 86_400_000, None, None),
    ],
)
def test_a_time_outside_the_span_has_no_place_on_its_axis(at_ms, offset_ms, share):
    (found,) = read(event("a", at_ms=at_ms))

    assert (found.offset_ms, found.share) == (offset_ms, share)
    assert found.at is not None


def test_an_event_without_a_time_has_none():
    (found,) = read(["a", 0, {}])

    assert (found.at, found.offset_ms, found.share) == (None, None, None)


def test_they_are_bounded():
    many = {f"k{n}": n for n in range(SHOWN_ATTRIBUTES + 7)}

    found = read(*[event("a", many, dropped=4)] * (SHOWN + 1))

    assert len(found) == SHOWN
    assert (len(found[0].attributes), found[0].n_hidden) == (SHOWN_ATTRIBUTES, 7)
    assert found[0].n_dropped == 4


def send_span_with_events(project, *events):
    now_ns = int(timezone.now().timestamp()) * 10**9
    span = {
        "traceId": TRACE,
        "spanId": "ab" * 8,
        "name": "chat",
        "startTimeUnixNano": str(now_ns - 2 * 10**9),
        "endTimeUnixNano": str(now_ns),
        "status": {"code": 2},
        "events": [
            {
                "name": name,
                "timeUnixNano": str(now_ns - 10**9),
                "attributes": [
                    {"key": key, "value": {"stringValue": value}} for key, value in said.items()
                ],
            }
            for name, said in events
        ],
    }
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    response = make_sender(project).post(
        "/v1/traces", json.dumps(body), content_type="application/json"
    )
    assert response.status_code == 200, response.content
    digest_all()
    return f"/p/alpha/traces/{TRACE}/"


@pytest.mark.django_db(transaction=True)
def test_the_panel_shows_them_with_their_meaning(alpha, bob_client):
    raised = {"exception.type": "RateLimitError", "exception.stacktrace": STACK * 20}
    page = send_span_with_events(
        alpha, ("exception", {**raised, "exception.message": "<b>slow down</b>"}), ("retry", {})
    )

    text = bob_client.get(page).content.decode()

    assert "Events of the span" in text
    assert '<strong class="text-bad">RateLimitError</strong>' in text
    assert "&lt;b&gt;slow down&lt;/b&gt;" in text
    assert "+1.0 s" in text
    assert "Stack trace, 41 lines" in text
    assert text.count('class="mark mark--') == 2
    assert 'class="mark mark--exception" x1="50.00%"' in text

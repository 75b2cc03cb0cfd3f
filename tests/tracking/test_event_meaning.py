"""What points say in a line."""

import json
from pathlib import Path

import pytest

from tests.flows import digest_all, make_sender, make_span, send_events, send_scores
from tracking.event_log import LogFilter, list_events
from tracking.event_meaning import LONGEST, Said, meaning_of, meaning_of_score

DECISIONS = [
    "assign-role",
    "select-agent-turn",
    "start-model-call",
    "complete-model-call",
    "start-tool-call",
    "complete-tool-call",
    "collect-broadcast-round",
    "stop-for-budget",
    "finalize-output",
]
PAYLOADS = Path(__file__).parent.parent / "payloads"


def recorded(path):
    sent = json.loads((PAYLOADS / path).read_text())
    return sent.get("type", ""), sent.get("data", sent)


@pytest.mark.parametrize(
    ("path", "metrics", "meaning"),
    [
        (
            "ai-experiments/experiment-start.json",
            (),
            "“Tone of voice” began with 3 variants at once",
        ),
        (
            "ai-experiments/experiment-complete.json",
            (),
            "“Tone of voice” ended after 1.335 s: 2 succeeded, 1 failed; best: warm",
        ),
        ("ai-experiments/variant-start.json", (), "run of “Terse reply” began"),
        (
            "ai-experiments/variant-complete.json",
            (("duration_ms", 810.0), ("metric_value", 0.71), ("run_completed", 1.0)),
            "run succeeded after 810 ms, metric = 0.71",
        ),
        ("ai-experiments/variant-error.json", (("duration_ms", 988.0),), "run failed after 988 ms"),
        ("ai-experiments/metric-computed.json", (("metric_value", 0.71),), "metric = 0.71"),
        (
            "ai-experiments/decision-made-decide.json",
            (),
            "Pick a summariser: chose an option of 3 (score 0.92)",
        ),
        (
            "ai-experiments/decision-made-thompson.json",
            (),
            "chose “warm” by thompson-sampling (sample 0.8134)",
        ),
        (
            "ai-experiments/decision-made-ucb.json",
            (),
            "chose “formal” by ucb (ucb 1.137, mean 0.62)",
        ),
        ("dogpile/event-role-assignment.json", (), "agent-1 plays planner"),
        ("dogpile/event-budget-stop.json", (), "stopped: tokens 250 of 200"),
    ],
)
def test_recorded_points_say_what_happened(path, metrics, meaning):
    kind, attributes = recorded(path)

    assert meaning_of(Said(kind, attributes, metrics)) == meaning


AGENT = {"agentId": "agent-1", "role": "planner"}


@pytest.mark.parametrize(
    ("kind", "attributes", "meaning"),
    [
        ("assign-role", AGENT, "agent-1 plays planner"),
        ("select-agent-turn", {**AGENT, "turn": 2}, "agent-1 (planner) speaks in turn 2"),
        ("select-agent-turn", {}, "somebody speaks"),
        ("start-model-call", {**AGENT, "providerId": "p"}, "agent-1 (planner) asks p"),
        ("complete-model-call", {"role": "planner"}, "a model answered planner"),
        ("start-tool-call", {**AGENT, "tool": "webSearch"}, "agent-1 (planner) calls webSearch"),
        ("complete-tool-call", {"tool": "webSearch"}, "webSearch answered somebody"),
        (
            "collect-broadcast-round",
            {"round": 1, "contributionCount": 3},
            "round 1: 3 contributions",
        ),
        ("stop-for-budget", {"budgetReason": "tokens"}, "stopped: tokens"),
        ("finalize-output", {"transcriptEntryCount": 2}, "output of 2 contributions"),
        ("error", {"name": "DogpileError", "detail": {"code": "timeout"}}, "DogpileError: timeout"),
        ("error", {"note": "x"}, "note = x"),
    ],
)
def test_decisions_of_dogpile_say_who_did_what(kind, attributes, meaning):
    assert meaning_of(Said(kind, attributes)) == meaning


@pytest.mark.parametrize(
    ("attributes", "meaning"),
    [
        ({"name": "tone", "value": 0.5, "source": "judge"}, "tone = 0.5, by a judge, for the span"),
        ({"name": "ok", "value": True, "source": "user"}, "ok = yes, by a user, for the span"),
        (
            {"name": "tone", "value": "rude", "source": "human", "comment": "He\nshouts."},
            "tone = rude, by a human, for the span: “He shouts.”",
        ),
    ],
)
def test_a_score_says_name_value_source_and_target(attributes, meaning):
    assert meaning_of_score(Said("score", attributes, target="span")) == meaning


def test_other_points_say_their_short_fields():
    attributes = {"userId": "u", "rating": 5, "comment": "Thanks!", "nested": {"a": 1}, "env": "p"}

    assert meaning_of(Said("feedback", attributes)) == "rating = 5, comment = Thanks!"
    assert meaning_of(Said("exposure", {"experimentId": "e", "variantId": "v"})) == ""
    assert meaning_of(Said("custom metrics", {"x": 1}, (("converted", 1.0),))) == "converted = 1"


def test_warnings_of_a_chat_are_told():
    warning = {"category": "parameter-clamped", "severity": "warning", "message": "1.4 became 1"}

    found = meaning_of(Said("ai.matey warning", {"matey.warnings": [warning, 3]}))

    assert found == "parameter-clamped (warning): 1.4 became 1"


@pytest.mark.parametrize("value", [None, [], {"a": 1}, "x" * 9_000, 10**400, "\x00"])
@pytest.mark.parametrize(
    "kind",
    ["decision.made", "broadcast", "variant.result", "x", "budget-stop", *DECISIONS, "error"],
)
def test_any_value_is_read(kind, value):
    attributes = dict.fromkeys(
        [
            "selected",
            "strategy",
            "context",
            "round",
            "contributions",
            "result",
            "reason",
            "n",
            "agentId",
            "role",
            "turn",
            "tool",
            "providerId",
            "budgetReason",
            "contributionCount",
            "transcriptEntryCount",
            "detail",
            "code",
            "name",
        ],
        value,
    )

    assert len(meaning_of(Said(kind, attributes))) <= LONGEST
    assert len(meaning_of_score(Said(kind, {"name": value, "value": value}))) <= LONGEST


@pytest.mark.usefixtures("pipeline")
def test_the_log_tells_scores_and_points(alpha, bob_client, django_assert_max_num_queries):
    sender = make_sender(alpha)
    kind, data = recorded("ai-experiments/decision-made-thompson.json")
    send_events(sender, [make_span("t", "call", session_id="s"), {"type": kind, "data": data}])
    score = {"trace_id": "t", "span_id": "call", "name": "tone", "value": 0.5, "comment": "<b>Kind"}
    send_scores(
        sender, {**score, "source": "judge"}, {"session_id": "s", "name": "ok", "value": True}
    )
    digest_all()

    lines = {line.meaning: line for line in list_events(alpha.pk, LogFilter()).lines}
    scored = lines["tone = 0.5, by a judge, for the span: “<b>Kind”"]
    assert (scored.type, scored.keys) == ("score", [("span", "call"), ("trace", "t")])
    assert lines["ok = yes, by code, for the session"].keys == [("session", "s")]
    assert "chose “warm” by thompson-sampling (sample 0.8134)" in lines
    with django_assert_max_num_queries(15):
        page = bob_client.get("/p/alpha/events/?type=score").content.decode()
    assert "tone = 0.5, by a judge, for the span: “&lt;b&gt;Kind”" in page
    assert "thompson" not in page

"""Pages of runs: every form of message is seen there with its meaning."""

import json
from urllib.parse import quote

import pytest

from tests.flows import make_sender
from tests.tracking.dogpile_runs import (
    RUN_ID,
    event,
    load,
    names,
    sending,
    stream,
    text_of,
    turn,
)

pytestmark = pytest.mark.usefixtures("pipeline")

LIST = "/p/alpha/runs/"
PAGE = f"{LIST}{RUN_ID}/"


@pytest.fixture
def send(alpha):
    return sending(make_sender(alpha))


def text(client, address, **headers):
    page = client.get(address, headers=headers)
    assert page.status_code == 200
    return page.content.decode()


TRACE_WORDS = [
    "decide the release",  # intent
    "sequential",
    "balanced",
    "vercel-ai:gpt-4o",
    "Frame the mission.",  # an agent's instructions
    "budget:tokens",
    "limit 200, observed 250",
    "first of: budget (maxTokens 200); judge (minScore 0.8, Is it shippable?)",
    "condition 1: budget (maxTokens 200)",
    "125.0 %",  # of the cap
    "contribute",
    "abstain",
    "webSearch",
    "release checklist",
    "assign-role",
    "finalize-output",
    "Tokens of the calls are the run&#x27;s: 250",
    "Clear and safe",
    "$0.0019",
    "0.840",
    "2.6 s",
]
MEANINGS = {
    "trace-replay.json": TRACE_WORDS,
    "run-result.json": [*TRACE_WORDS, "Events of the log: 8", "8 types"],
    "benchmark-run-quality.json": [*TRACE_WORDS, "Release triage", "84 of 100", "run_quality"],
    "benchmark-run-completeness.json": [*TRACE_WORDS, "80 of 100", "budget_respected", "0 / 20"],
    "stream-log.jsonl": ["decide the release", "completed", "budget:tokens", "webSearch", "0.840"],
    "transcript-artifact.json": ["Ship after smoke tests.", "contribute", "abstain", "webSearch"],
    "audit-record-v050.json": [
        *("decide the release", "Audit record", "budget:tokens", "$0.0019"),
        *("budget-stopped", "by tokens", "190 in, 60 out", "1 turn<", "2.6 s"),
    ],
    "event-role-assignment.json": ["role-assignment", "planner", "running"],
    "event-model-request.json": ["1 model call", "Mission: decide the release", "planner"],
    "event-model-response.json": ["1 model call", "Ship after smoke tests.", "160"],
    "event-v050-model-request.json": ["1 model call", "openai-compatible:gpt-4o", "sequential"],
    "event-v050-model-response.json": ["1 model call", "895 ms", "openai-compatible:gpt-4o"],
    "event-model-output-chunk.json": ["answering", "The turn so far", "model-output-chunk"],
    "event-tool-call.json": ["webSearch", "tool-call", "release checklist"],
    "event-tool-result.json": ["webSearch", "tool-result", "Checklist"],
    "event-tool-result-error.json": ["calc", "unavailable", "is not registered."],
    "event-agent-turn.json": ["I know the release steps", "contribute", "160 tokens"],
    "event-broadcast.json": ["Broadcast rounds", "Round 1", "2 contributions", "Hold for QA"],
    "event-budget-stop.json": ["budget:tokens", "limit 200, observed 250", "2 turns, 2.5 s"],
    "event-final.json": ["Output", "budget:tokens", "Clear and safe", "0.840"],
    "event-error.json": ["failed", "timeout", "timed out after 1500ms.", "may be tried again"],
    "event-error-cancelled.json": ["cancelled", "aborted", "The operation was aborted."],
    "event-v040-sub-run-started.json": ["Sub-runs", "Check QA", "child-1", "sequential"],
}
LOOSE = {
    "metrics-snapshot-v050.json": ["budget-stopped", "2 turns", "250 tokens", "$0.0019", "2.6 s"],
    "event-error-before-start.json": ["TypeError", "fetch failed"],
}


def test_every_example_message_is_in_a_table():
    assert sorted({**MEANINGS, **LOOSE}) == names()


@pytest.mark.parametrize("name", MEANINGS)
def test_a_message_is_seen_with_its_meaning(send, bob_client, name):
    send(text_of(name))

    page = text(bob_client, PAGE)

    assert [word for word in MEANINGS[name] if word not in page] == []


@pytest.mark.parametrize("name", LOOSE)
def test_what_names_no_run_is_listed_as_unattached(send, bob_client, name):
    send(text_of(name))

    page = text(bob_client, f"{LIST}?tab=unattached")

    assert [word for word in LOOSE[name] if word not in page] == []
    assert "No runs yet" in text(bob_client, LIST)


def test_the_list_says_what_each_run_was(send, bob_client):
    send(load("run-result.json"), load("event-error.json") | {"runId": "other"})

    page = text(bob_client, LIST)

    assert page.count("<tr data-row>") == 2
    for word in ("decide the release", "budget:tokens", "completed", "failed", "250", "2.6 s"):
        assert word in page


@pytest.mark.parametrize(
    ("query", "count"),
    [("status=completed", 1), ("protocol=broadcast", 0), ("q=release", 1), ("status=odd", 1)],
)
def test_the_list_is_filtered(send, bob_client, query, count):
    send(load("run-result.json"))

    assert text(bob_client, f"{LIST}?{query}").count("<tr data-row>") == count


def test_the_list_pages_by_key(send, bob_client, monkeypatch):
    monkeypatch.setattr("tracking.runs.pages.PAGE_SIZE", 2)
    send([turn("a", n, 0.1, 20, run_id=f"run-{n}") for n in range(3)])

    first = bob_client.get(LIST)
    second = text(bob_client, f"{LIST}?cursor={first.context['next_cursor']}")

    assert [row.run_id for row in first.context["rows"]] == ["run-2", "run-1"]
    assert "run-0" in second
    assert second.count("<tr data-row>") == 1


def test_the_board_compares_two_artifacts(send, bob_client):
    send(load("benchmark-run-quality.json"), load("benchmark-run-completeness.json"))
    other = json.loads(text_of("benchmark-run-quality.json").replace('"gpt-4o"', '"gpt-5"'))
    send(other)
    page = bob_client.get(f"{LIST}?tab=benchmarks")
    keys = [quote(row.key) for run in page.context["rows"] for row in run.rows]

    compared = bob_client.get(f"{LIST}?tab=benchmarks&a={keys[0]}&b={keys[1]}")

    assert len(keys) == 3
    assert "artifact-completeness" in page.content.decode()
    assert compared.status_code == 200
    rows = {one.name: one.is_same for one in compared.context["settings"]}
    assert rows["task.id"] is True
    assert bob_client.get(f"{LIST}?tab=benchmarks&a=no~one&b={keys[1]}").status_code == 404


def test_the_frontier_of_score_and_cost_is_marked(send, bob_client):
    for run_id, score, usd in (
        ("a", 84, 0.002),
        ("b", 84, 0.001),
        ("c", 90, 0.004),
        ("d", 70, 0.1),
    ):
        artifact = load("benchmark-run-quality.json")
        artifact |= {"runId": run_id, "cost": {"usd": usd, "totalTokens": 9}}
        artifact["score"]["score"] = score
        send(artifact)

    marked = bob_client.get(f"{LIST}?tab=benchmarks").context["frontier"]

    assert {key.partition("~")[2] for key in marked} == {"b", "c"}


def test_what_differs_between_two_artifacts_comes_first(send, bob_client):
    a = load("benchmark-run-quality.json")
    b = json.loads(json.dumps(a).replace('"temperature": 0.2', '"temperature": 0.9'))
    b["runId"] = "b"
    send(a, b)
    page = bob_client.get(f"{LIST}?tab=benchmarks")
    keys = [quote(row.key) for run in page.context["rows"] for row in run.rows]

    compared = bob_client.get(f"{LIST}?tab=benchmarks&a={keys[0]}&b={keys[1]}")

    first = compared.context["settings"][0]
    assert (first.name, {first.a, first.b}) == ("temperature", {"0.2", "0.9"})


def test_the_replay_steps_filters_and_joins_chunks(send, bob_client):
    chunks = [
        event("model-output-chunk", n, agentId="a", chunkIndex=n, text=word, output="")
        for n, word in enumerate(["The ", "plan ", "holds."])
    ]
    send([*chunks, turn("b", 9, 0.1, 20)])
    headers = {"HX-Request": "true", "HX-Target": "replay"}

    third = text(bob_client, f"{PAGE}?step=2", **headers)
    other = text(bob_client, f"{PAGE}?agent=b", **headers)

    assert "<html" not in third
    assert "The plan holds." in third
    assert "3 of 4" in third
    assert "1 of 1" in other
    assert "No event matches." in text(bob_client, f"{PAGE}?type=nothing", **headers)


def test_answers_under_way_are_shown_until_their_turn_came(send, bob_client):
    chunks = [
        event("model-output-chunk", n, agentId=agent, chunkIndex=n, text=f"{agent}{n} ", output="")
        for n in range(3)
        for agent in ("a", "b")
    ]
    send(chunks)
    both = bob_client.get(PAGE).context["under_way"]
    send(turn("a", 5, 0.1, 20))

    one = bob_client.get(PAGE).context["under_way"]

    assert sorted((agent, said) for agent, _, said in both) == [
        ("a", "a0 a1 a2 "),
        ("b", "b0 b1 b2 "),
    ]
    assert [agent for agent, _, _ in one] == ["b"]


def test_a_sub_run_has_a_page_below_its_parent(send, bob_client):
    trace = json.loads(text_of("trace-replay.json").replace(RUN_ID, "child-1"))
    result = {"trace": trace, "output": "Sub-run said so.", "metadata": {"runId": "child-1"}}
    send(event("sub-run-completed", 5, childRunId="child-1", subResult=result))

    page = text(bob_client, f"{PAGE}?sub=child-1")

    assert "Sub-run of" in page
    assert "webSearch" in page
    assert "span=child-1%3Achild-1%3Aprovider-call%3A1" in page
    assert bob_client.get(f"{PAGE}?sub=nobody").status_code == 404


def test_a_lane_leads_to_the_span_of_its_call(send, bob_client):
    send(load("trace-replay.json"))

    page = text(bob_client, PAGE)
    span = quote(f"{RUN_ID}:provider-call:1", safe="")

    assert f"/p/alpha/traces/{RUN_ID}/?span={span}" in page
    assert "Mission: decide the release" in text(
        bob_client, f"/p/alpha/traces/{RUN_ID}/?span={span}"
    )


def test_the_trace_of_a_run_leads_to_the_run(send, bob_client):
    send(stream())

    assert f'href="{PAGE}"' in text(bob_client, f"/p/alpha/traces/{RUN_ID}/")


def test_totals_that_disagree_are_pointed_out(send, bob_client):
    trace = load("trace-replay.json")
    trace["transcript"] = trace["transcript"][:1]
    trace["events"][5]["cost"] = {"usd": 0.0001, "totalTokens": 10}
    send(trace, load("event-agent-turn.json"), turn("x", 1, 0.5, 90))

    page = bob_client.get(PAGE)

    wrong = {check.title for check in page.context["checks"] if check.tone == "bad"}
    assert wrong == {
        "Entries of the transcript",
        "The running cost never falls",
        "Streamed events are in the trace",
    }


def test_health_comes_from_dogpile_or_is_found_here(send, bob_client):
    result = load("run-result.json")
    send(result)
    found = {one.code for one in bob_client.get(PAGE).context["anomalies"]}
    anomaly = {"code": "runaway-turns", "severity": "error", "value": 9, "threshold": 5}
    send(result | {"health": {"anomalies": [anomaly], "stats": {}}, "extra": 1})

    reported = bob_client.get(PAGE).context["anomalies"]

    assert found == {"budget-near-miss"}
    assert [(one.code, one.text) for one in reported] == [("runaway-turns", "9, threshold 5")]


def test_a_running_run_sends_nothing_while_nothing_came(send, bob_client):
    send([turn("a", 1, 0.1, 20)])
    headers = {"HX-Request": "true", "HX-Target": "run"}

    assert bob_client.get(f"{PAGE}?seen=1", headers=headers).status_code == 204
    send([turn("b", 2, 0.2, 40)])

    assert "2 agents" in text(bob_client, f"{PAGE}?seen=1", **headers)


def test_content_is_escaped_everywhere(send, bob_client):
    evil = "<script>alert(1)</script>"
    run_id = f"{evil}/{'x' * 80}"
    decision = {"participation": evil, "contribution": f"{evil} [x](javascript:alert(1))"}
    said = turn(evil, 1, 0.1, 20, run_id=run_id, role=evil, decision=decision)
    error = event("error", 2, run_id=run_id, name=evil, message=evil, detail={"code": evil})
    send([said, error])

    for page in (text(bob_client, LIST), text(bob_client, f"{LIST}{quote(run_id, safe='')}/")):
        assert evil not in page
        assert 'href="javascript' not in page


@pytest.mark.parametrize("name", ["trace-replay.json", "stream-log.jsonl"])
def test_a_run_takes_few_statements(send, bob_client, django_assert_max_num_queries, name):
    send(text_of(name), turn("z", 20, 0.1, 400))

    with django_assert_max_num_queries(8):
        bob_client.get(PAGE)


def test_a_list_takes_as_many_statements_as_one_row(
    send, bob_client, django_assert_max_num_queries
):
    send([turn("a", n, 0.1, 20, run_id=f"run-{n}") for n in range(20)], stream())

    with django_assert_max_num_queries(7):
        bob_client.get(LIST)


def test_an_empty_project_says_how_to_send_a_run(alpha, bob_client):
    page = text(bob_client, LIST)

    assert "No runs yet" in page
    assert "/api/v1/runs" in page
    assert bob_client.get(f"{LIST}nobody/").status_code == 404

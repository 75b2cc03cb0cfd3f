"""Dogpile's runs to events: what the pieces mean together."""

import random

import pytest

from tests.tracking.dogpile_runs import (
    RUN_ID,
    START_US,
    event,
    load,
    parts_of,
    stream,
    turn,
)
from tracking.adapters.dogpile import derive_loose, derive_run
from tracking.adapters.dogpile.body import parse_items
from tracking.adapters.dogpile.building import build_run
from tracking.adapters.dogpile.timeline import build_timeline
from tracking.adapters.dogpile.values import canonical
from tracking.events import Kind, Status
from tracking.folding import COST, TOKENS, TraceState, fold
from tracking.preparing import price_event
from tracking.pricing import SOURCE_COMPUTED
from tracking.runs.turns import list_turns


def derive(*values, **options):
    return derive_run(RUN_ID, parts_of(*values, **options))


def by_name(derived):
    return {event.name: event for event in derived.events}


def of_kind(derived, kind):
    return [event for event in derived.events if event.kind == kind]


def sums_of(derived):
    """What the trace of a run adds up to, as digest folds it."""
    state = TraceState(RUN_ID)
    fold(state, [price_event(each) for each in derived.events])
    return state.total(TOKENS), state.total(TOKENS + 1), state.total(COST)


def test_a_trace_becomes_a_tree_of_root_turns_calls_and_tools():
    derived = derive(load("trace-replay.json"))

    tree = [
        (Kind(e.kind).name, e.name, e.span_id.removeprefix(f"{RUN_ID}:"), e.parent_span_id)
        for e in derived.events
        if e.kind != Kind.EVENT
    ]
    assert tree == [
        ("AGENT", "dogpile.run", "run", ""),
        ("AGENT", "planner", "turn:agent-1:1", "run"),
        ("AGENT", "critic", "turn:agent-2:1", "run"),
        ("LLM", "chat gpt-4o", "provider-call:1", "turn:agent-1:1"),
        ("LLM", "chat gpt-4o", "provider-call:2", "turn:agent-2:1"),
        ("TOOL", "webSearch", "tool-1", "turn:agent-1:1"),
    ]
    assert {e.trace_id for e in derived.events} == {e.run_id for e in derived.events} == {RUN_ID}


def test_a_call_carries_its_model_tokens_cost_messages_and_times():
    call = of_kind(derive(load("trace-replay.json")), Kind.LLM)[0]

    assert (call.provider, call.model, call.finish_reason) == ("vercel-ai", "gpt-4o", "stop")
    assert (call.tokens_in, call.tokens_out, call.cost_reported) == (120, 40, 0.0012)
    assert (call.occurred_us - START_US, call.duration_us) == (5_000, 895_000)
    assert '"Mission: decide the release"' in call.payload.input
    assert "webSearch" in call.payload.output


@pytest.mark.parametrize("provider", ["vercel-ai", "openai-compatible"])
def test_a_call_without_a_cost_is_priced_by_its_model(provider):
    response = load("event-model-response.json") | {"providerId": f"{provider}:gpt-4o"}
    del response["response"]["costUsd"]

    fact = price_event(of_kind(derive(response), Kind.LLM)[0])

    assert (fact.cost_nano, fact.cost_source) == (120 * 2_500 + 40 * 10_000, SOURCE_COMPUTED)


def test_the_root_says_intent_output_stop_and_quality():
    root = by_name(derive(load("run-result.json")))["dogpile.run"]

    assert root.payload.input == "decide the release"
    assert root.payload.output.endswith("Ship after smoke tests.")
    assert (root.finish_reason, root.status) == ("budget:tokens", Status.OK)
    assert root.metrics == (("quality", 0.84),)
    assert (root.occurred_us, root.duration_us) == (START_US, 2_600_000)


def test_decisions_budget_stop_and_termination_are_kept_as_points():
    points = [e.name for e in of_kind(derive(load("trace-replay.json")), Kind.EVENT)]

    assert points.count("assign-role") == 2
    assert {"finalize-output", "budget-stop", "termination-stop"} <= {*points}
    assert "role-assignment" not in points  # the decision says the same


@pytest.mark.parametrize("name", ["trace-replay.json", "run-result.json", "stream-log.jsonl"])
def test_usage_counts_once_with_calls_and_without(name):
    values = stream() if name.endswith("jsonl") else [load(name)]

    assert sums_of(derive(*values)) == (190, 60, 1_900_000)


def test_turns_cost_the_difference_to_the_total_before():
    derived = derive(turn("a", 1, 0.001, 100), turn("b", 2, 0.004, 250), turn("a", 3, 0.005, 300))

    costs = [
        (e.span_id, e.cost_reported, e.tokens_in) for e in derived.events if "turn" in e.span_id
    ]
    assert costs == [
        ("turn:a:1", 0.001, 90),
        ("turn:b:1", 0.003, 150),
        ("turn:a:2", 0.001, 50),
    ]


def test_a_broadcast_repeats_the_sum_of_its_turns():
    cost = {"usd": 0.004, "inputTokens": 200, "outputTokens": 50, "totalTokens": 250}
    said = [{"agentId": a, "role": a, "output": "x"} for a in ("a", "b")]
    derived = derive(
        turn("a", 1, 0.001, 100),
        turn("b", 2, 0.004, 250),
        event("broadcast", 3, round=1, contributions=said, cost=cost),
        turn("a", 4, 0.005, 300),
    )

    events = {e.span_id: e for e in derived.events}
    assert events["round:1"].kind == Kind.CHAIN
    assert (events["turn:a:1"].parent_span_id, events["turn:b:1"].parent_span_id) == (
        "round:1",
    ) * 2
    assert events["turn:a:2"].parent_span_id == "run"
    assert events["turn:a:2"].cost_reported == 0.001


def test_requests_and_responses_of_05_are_calls_at_their_own_times():
    events = [load("event-v050-model-request.json"), load("event-v050-model-response.json")]
    call = of_kind(derive(*reversed(events)), Kind.LLM)[0]

    assert (call.provider, call.model) == ("openai-compatible", "gpt-4o")
    assert (call.occurred_us - START_US, call.duration_us) == (5_000, 895_000)
    assert (call.tokens_in, call.cost_reported, call.status) == (120, 0.0012, Status.OK)


def test_a_request_alone_is_a_call_without_an_answer():
    call = of_kind(derive(load("event-model-request.json")), Kind.LLM)[0]

    assert (call.status, call.duration_us, call.payload.output) == (Status.UNSET, 0, None)


def test_the_first_chunk_is_the_time_to_the_first_token():
    derived = derive(
        load("event-model-request.json"),
        load("event-model-output-chunk.json"),
        load("event-model-response.json"),
    )

    assert of_kind(derived, Kind.LLM)[0].ttft_us == 195_000


def test_a_failed_tool_is_an_error_with_its_code():
    tool = of_kind(derive(load("event-tool-result-error.json")), Kind.TOOL)[0]

    assert (tool.status, tool.error_type) == (Status.ERROR, "unavailable")
    assert tool.error == 'Runtime tool "calc" is not registered.'


@pytest.mark.parametrize(
    ("name", "status", "root_status"),
    [
        ("event-error.json", "failed", Status.ERROR),
        ("event-error-cancelled.json", "cancelled", Status.UNSET),
        ("event-final.json", "completed", Status.OK),
        ("event-role-assignment.json", "running", Status.UNSET),
    ],
)
def test_the_status_is_that_of_the_end_told(name, status, root_status):
    derived = derive(load(name))

    assert derived.summary["status"] == status
    assert by_name(derived)["dogpile.run"].status == root_status


def test_an_error_of_a_run_that_ended_well_changes_no_status():
    derived = derive(load("trace-replay.json"), load("event-error.json"))

    assert derived.summary["status"] == "completed"
    assert by_name(derived)["error"].error_type == "timeout"


def test_a_trace_replaces_streamed_events_under_the_same_ids():
    streamed = {
        (e.occurred_us, e.id) for e in derive(*stream()).events if e.duration_us is not None
    }
    replaced = {(e.occurred_us, e.id) for e in derive(*stream(), load("trace-replay.json")).events}

    roots = {e.id for e in derive(*stream()).events if e.span_id == "run"}
    assert roots <= {identity for _, identity in replaced}
    assert len({i for _, i in streamed} & {i for _, i in replaced}) == len(streamed)


def test_no_order_of_pieces_matters():
    pieces = [
        *stream(),
        load("trace-replay.json"),
        load("run-result.json"),
        load("event-error.json"),
    ]
    pieces += [load("benchmark-run-quality.json"), load("event-model-output-chunk.json")]
    expected = derive(*pieces)
    dice = random.Random(7)

    for _ in range(30):
        dice.shuffle(pieces)
        cut = dice.randrange(len(pieces))
        parts = [*parts_of(*pieces[:cut]), *parts_of(*pieces[cut:])]
        assert derive_run(RUN_ID, parts) == expected


def test_streamed_events_alone_do_not_depend_on_their_order():
    pieces = [*stream(), load("event-v050-model-request.json"), load("event-broadcast.json")]
    expected = derive(*pieces)
    dice = random.Random(11)

    for _ in range(30):
        dice.shuffle(pieces)
        assert derive(*pieces) == expected


def sub_result(run_id="child-1"):
    trace = load("trace-replay.json")
    text = canonical(trace).decode().replace(RUN_ID, run_id)
    inner = parse_items(text.encode()).items[0].value
    return {"trace": inner, "output": "sub", "cost": inner["finalOutput"]["cost"]}


def test_a_sub_run_stands_below_its_parent_in_one_trace():
    derived = derive(
        load("event-v040-sub-run-started.json"),
        event("sub-run-completed", 5, childRunId="child-1", subResult=sub_result()),
        turn("a", 6, 0.0029, 350),
    )

    events = {e.span_id: e for e in derived.events if e.span_id}
    assert events["child-1:run"].parent_span_id == "run"
    assert events["child-1:run"].name == "dogpile.sub-run"
    assert events["child-1:child-1:provider-call:1"].parent_span_id == "child-1:turn:agent-1:1"
    assert derived.summary["sub_runs"] == 1
    assert round(events["turn:a:1"].cost_reported, 6) == 0.001  # without what the sub-run cost


def test_a_failed_sub_run_is_failed_and_says_why():
    error = {"code": "provider-timeout", "message": "no answer"}
    failed = event("sub-run-failed", 5, childRunId="c", error=error, partialTrace={"runId": "c"})
    derived = derive(failed, load("event-role-assignment.json"))

    child = next(e for e in derived.events if e.span_id == "c:run")
    assert (child.status, child.error_type, child.error) == (
        Status.ERROR,
        "provider-timeout",
        "no answer",
    )
    assert derived.summary["status"] == "running"


def test_a_turn_may_hand_on_several_things():
    decision = [{"type": "delegate", "protocol": "shared", "intent": name} for name in "ab"]
    run = build_run(RUN_ID, parts_of(turn("x", 1, 0.1, 20, decision=decision)))

    view = list_turns(run, build_timeline(run))[0]

    assert view.delegates == "shared: a; shared: b"


def test_events_that_bubbled_up_belong_to_the_outermost_run():
    bubbled = {**turn("z", 2, 0.1, 50, run_id="grandchild"), "parentRunIds": [RUN_ID, "child-1"]}
    parts = parts_of(load("event-v040-sub-run-started.json"), bubbled)

    run = build_run(RUN_ID, parts)
    assert {part.key for part in parts} == {RUN_ID}
    assert run.children[0].run_id == "child-1"
    assert run.children[0].children[0].run_id == "grandchild"


def test_runs_that_are_each_others_parents_end_somewhere():
    derived = derive(
        event("sub-run-started", 1, childRunId="a"),
        event("sub-run-started", 2, run_id="a", childRunId=RUN_ID, parentRunIds=[RUN_ID]),
        event("sub-run-started", 3, run_id="b", childRunId="c", parentRunIds=[RUN_ID, "c"]),
    )

    assert derived.summary["sub_runs"] >= 1


def test_a_session_user_and_arm_come_from_metadata():
    trace = load("trace-replay.json")
    trace["metadata"] = {"sessionId": "s-1", "userId": "u-1", "experiment": "e", "variant": "v"}

    root = by_name(derive(trace))["dogpile.run"]

    assert (root.session_own, root.user_own, root.arms) == ("s-1", "u-1", (("e", "v"),))


def test_what_names_no_run_is_told_apart():
    metrics = parts_of(load("metrics-snapshot-v050.json"))[0]
    error = parts_of(load("event-error-before-start.json"))[0]

    assert derive_loose(metrics.key, [metrics]).summary["outcome"] == "budget-stopped"
    assert derive_loose(error.key, [error]).events[0].error == "fetch failed"
    assert {metrics.system, error.system} == {"dogpile-loose"}

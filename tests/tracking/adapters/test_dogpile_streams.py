"""What streams of Dogpile's events tell without saying it: the protocol, the intent, the end."""

import pytest

from tests.tracking.dogpile_runs import RUN_ID, event, load, parts_of, stream, turn
from tracking.adapters.dogpile import derive_run
from tracking.adapters.dogpile.missions import read_mission

# As src/runtime of bubstack/dogpile 0.3.1 writes them.
PROMPTS = {
    "Mission: Ship it?\nProvide your contribution.": "sequential",
    "Mission: Ship it?\n\nPrior contributions:\na (b): c\n\nContinue the sequence.": "sequential",
    "Mission: Ship it?\nBroadcast round 1: contribute independently.": "broadcast",
    "Mission: Ship it?\n\nRound 1 intentions:\na:b => c\n\nBroadcast round 2: …": "broadcast",
    "Mission: Ship it?\nShared turn 2: read the shared state.\n\nShared state:\n(empty)": "shared",
    "Mission: Ship it?\nCoordinator a: assign the work, name the plan.": "coordinator",
    "Mission: Ship it?\n\nCoordinator: a\nPrior contributions:\na (b): c": "coordinator",
    "Mission: Ship it?": "",
}


def derive(*values):
    return derive_run(RUN_ID, parts_of(*values))


@pytest.mark.parametrize(("prompt", "protocol"), PROMPTS.items(), ids=range(len(PROMPTS)))
def test_a_prompt_tells_the_mission_and_its_protocol(prompt, protocol):
    assert read_mission([prompt]) == ("Ship it?", protocol)


def test_what_is_no_prompt_of_dogpile_s_tells_nothing():
    assert read_mission(["", "Shared turn 1: x", "mission: x\nShared turn 1: "]) == ("", "")


def test_a_stream_of_03_shows_its_protocol_and_leaves_the_tier_open():
    summary = derive(*stream()).summary

    assert (summary["protocol"], summary["intent"]) == ("sequential", "decide the release")
    assert summary["tier"] == ""


def test_what_a_trace_names_outranks_its_prompts():
    said = turn("x", 1, 0.1, 20, input="Mission: y\nShared turn 1: z")

    assert derive(said, load("trace-replay.json")).summary["protocol"] == "sequential"


def test_a_failed_stream_lasted_until_its_error():
    error = {"name": "DogpileError", "message": "timed out", "detail": {"code": "timeout"}}
    begun = event("role-assignment", 0, agentId="a", role="planner")

    derived = derive(begun, turn("a", 2, 0.1, 20), event("error", 9, **error))

    root = next(each for each in derived.events if each.span_id == "run")
    assert derived.summary["status"] == "failed"
    assert (derived.summary["duration_ms"], root.duration_us) == (9_000, 9_000_000)


def test_a_piece_of_a_trace_does_not_take_the_end_that_was_streamed():
    whole = load("trace-replay.json")
    piece = {**whole, "events": whole["events"][:-1]}
    del piece["finalOutput"]

    assert derive(piece).summary["status"] == "running"
    summary = derive(piece, *stream()).summary

    assert (summary["status"], summary["turns"], summary["calls"]) == ("completed", 2, 2)
    assert summary["cost_usd"] == derive(whole).summary["cost_usd"]


def test_an_error_after_the_end_makes_nothing_longer():
    whole = derive(*stream()).summary["duration_ms"]
    late = event("error", 60, name="Error", message="late")

    assert derive(*stream(), late).summary["duration_ms"] == whole

"""From the messages clients send to the leaderboard: HTTP, inbox, digest, analysis, pages."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from tests.flows import digest_all, make_span, send_events

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_caches")]

PAYLOADS = Path(__file__).parent.parent / "payloads" / "ai-experiments"


def moved(name, *, run_suffix="", minutes=0):
    """The events of a recorded batch, moved to an hour ago so that they never expire."""
    text = (PAYLOADS / name).read_text().replace("0a0", f"0a{run_suffix or 0}")
    start = timezone.now() - timedelta(hours=1) + timedelta(minutes=minutes)
    for clock in ("2026-03-04T09:15:00", "2026-03-04T09:15:01"):
        at = start + timedelta(seconds=int(clock[-1]))
        text = text.replace(clock, at.strftime("%Y-%m-%dT%H:%M:%S"))
    return json.loads(text)["events"]


def results_of(sender, key):
    digest_all()
    response = sender.get(f"/api/v1/experiments/{key}/results")
    assert response.status_code == 200, response.content
    return response.json()


def arm_of(results, metric, variant):
    found = next(one for one in results["metrics"] if one["key"] == metric)
    return next(arm for arm in found["arms"] if arm["variant"] == variant)


def test_an_execution_of_ai_experiments_becomes_a_leaderboard(sender):
    send_events(sender, moved("batch.json"))

    results = results_of(sender, "tone-of-voice")

    assert results["name"] == "Tone of voice"
    assert results["unit"] == "run"
    names = {variant["key"]: variant["name"] for variant in results["variants"]}
    assert names == {"terse": "Terse reply", "warm": "Warm reply", "formal": "Formal reply"}
    assert arm_of(results, "success_rate", "formal")["mean"] == 0.0
    assert arm_of(results, "metric_value", "warm")["mean"] == 0.88
    assert arm_of(results, "metric_value", "formal")["missing"] == 1
    assert arm_of(results, "duration", "terse")["mean"] == 810.0


def test_an_execution_keeps_what_it_reported_beside_what_its_runs_say(sender):
    send_events(sender, moved("batch.json"))

    execution = results_of(sender, "tone-of-voice")["executions"][0]

    assert execution["status"] == "complete"
    assert (execution["successes"], execution["failures"]) == (2, 1)
    assert execution["duration_ms"] == 1335.0
    assert (execution["reported_best"], execution["recomputed_best"]) == ("warm", "warm")


def test_sending_everything_again_changes_nothing(sender):
    events = moved("batch.json")
    send_events(sender, events)
    before = results_of(sender, "tone-of-voice")

    send_events(sender, events)
    after = results_of(sender, "tone-of-voice")

    assert after["variants"] == before["variants"]
    assert after["metrics"] == before["metrics"]


def test_two_executions_of_one_experiment_are_told_apart(sender):
    send_events(sender, moved("batch.json"))
    send_events(sender, moved("batch.json", run_suffix=7, minutes=5))

    results = results_of(sender, "tone-of-voice")

    assert len(results["executions"]) == 2
    assert [variant["units"] for variant in results["variants"]] == [2, 2, 2]


def test_an_execution_that_stopped_at_an_error_says_so(sender):
    send_events(sender, moved("sequential-stop-on-error-batch.json"))

    execution = results_of(sender, "seq-1")["executions"][0]

    assert (execution["status"], execution["reported_best"]) == ("stopped early", None)


def test_a_run_without_its_end_is_maturing(sender):
    starts = [event for event in moved("batch.json") if event["type"] == "variant.start"]
    send_events(sender, starts)

    results = results_of(sender, "tone-of-voice")

    assert [variant["maturing"] for variant in results["variants"]] == [1, 1, 1]
    assert results["verdict"]["code"] == "too_early"


def test_the_page_shows_runs_errors_and_both_bests(sender, alice_client):
    send_events(sender, moved("batch.json"))
    digest_all()

    url = reverse("experiments:detail", args=["alpha", "tone-of-voice"])
    page = alice_client.get(url).content.decode()

    assert "429 Too Many Requests" in page
    assert "at callModel (/app/llm.ts:41:11)" in page
    assert '<strong id="reported-best">warm</strong>' in page
    assert '<strong id="recomputed-best">warm</strong>' in page
    assert "Warm reply" in page


def test_tagged_spans_become_an_experiment_of_sessions(sender):
    for index in range(6):
        send_events(sender, session_of(index))

    results = results_of(sender, "answer-tone")

    assert results["unit"] == "session"
    assert [variant["key"] for variant in results["variants"]] == ["control", "friendly"]
    assert arm_of(results, "success_rate", "friendly")["sums"] == {"n": 3, "successes": 2}
    assert arm_of(results, "cost_per_unit", "control")["mean"] == pytest.approx(0.02)
    assert arm_of(results, "tokens_per_unit", "control")["mean"] == 30.0


def session_of(index):
    """A tagged root span and a model call below it, which inherits the arm."""
    variant = "friendly" if index % 2 else "control"
    tags = {"assay.experiment": "answer-tone", "assay.variant": variant}
    start = timezone.now() - timedelta(hours=3)
    root = make_span(
        f"t{index}",
        "root",
        start=start,
        session_id=f"s{index}",
        attributes=tags,
        status="ERROR" if index == 5 else "OK",
    )
    call = make_span(
        f"t{index}",
        "call",
        start=start,
        parent_span_id="root",
        kind="llm",
        model="gpt-4o",
        tokens={"input": 20, "output": 10},
        cost_usd=0.02,
    )
    return [root, call]


def test_the_units_behind_a_number_are_its_sessions(sender):
    for index in range(6):
        send_events(sender, session_of(index))
    digest_all()

    response = sender.get(
        "/api/v1/experiments/answer-tone/sessions", {"variant": "friendly", "state": "failed"}
    )

    assert [unit["session_id"] for unit in response.json()["results"]] == ["s5"]


def test_a_lone_start_without_variants_is_no_experiment(sender):
    event = json.loads((PAYLOADS / "track-custom.json").read_text())
    send_events(sender, [event | {"timestamp": timezone.now().isoformat()}])
    digest_all()

    assert sender.get("/api/v1/experiments").json()["results"] == []


def test_runs_that_share_a_session_keep_their_own_numbers(sender):
    events = moved("batch.json")
    for event in events:
        if "runId" in event["data"]:
            event["data"]["sessionId"] = "one-session"
    send_events(sender, events)

    results = results_of(sender, "tone-of-voice")

    assert results["unit"] == "run"
    assert arm_of(results, "metric_value", "warm")["mean"] == 0.88
    assert arm_of(results, "metric_value", "terse")["mean"] == 0.71
    assert arm_of(results, "success_rate", "warm")["sums"] == {"n": 1, "successes": 1}
    assert arm_of(results, "duration", "formal")["mean"] == 988.0


def test_a_run_in_a_shared_session_waits_for_its_own_end(sender):
    events = moved("batch.json")
    for event in events:
        if "runId" in event["data"]:
            event["data"]["sessionId"] = "one-session"
    send_events(sender, [event for event in events if event["data"].get("variantId") != "warm"])
    send_events(sender, [events[2]])

    results = results_of(sender, "tone-of-voice")

    waiting = {variant["key"]: variant["maturing"] for variant in results["variants"]}
    assert waiting == {"terse": 0, "warm": 1, "formal": 0}


def test_hostile_names_in_events_break_nothing(sender):
    events = moved("batch.json")
    for event in events:
        event["data"] |= {"experimentName": "a\x00b", "variantName": "\x00", "bestVariant": "w\x00"}
    send_events(sender, events)

    results = results_of(sender, "tone-of-voice")

    assert results["name"] == "a\ufffdb"
    assert results["executions"][0]["reported_best"] == "w\ufffd"

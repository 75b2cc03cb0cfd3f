"""Runs through the door: every form, ledger, order, drift; and read back as they were sent."""

import json
import random

import pytest

from tests.flows import digest_all, drift_of, forget_process_caches, status_of
from tests.tracking.dogpile_runs import (
    PATH,
    RUN_ID,
    at,
    event,
    load,
    names,
    post,
    sending,
    stream,
    text_of,
    turn,
)
from tracking.models import Document, DocumentPart, Event, Session, Trace

pytestmark = pytest.mark.usefixtures("pipeline")


def send(client, value):
    return sending(client)(value)[0].json()


@pytest.mark.parametrize("name", names())
def test_it_takes_every_form_and_keeps_it(alpha, sender, name):
    count = len(stream()) if name.endswith("jsonl") else 1

    assert send(sender, text_of(name)) == {"accepted": count, "rejected": []}

    status = status_of(alpha)
    assert (status.stored_events, status.duplicate_events, status.quarantined) == (count, 0, 0)
    assert DocumentPart.objects.count() == count
    assert drift_of(alpha.pk) == []


def test_sending_again_is_a_duplicate_in_any_envelope(alpha, sender):
    send(sender, text_of("stream-log.jsonl"))
    before = list(Event.objects.order_by("id").values_list("id", "content_rank"))
    for each in stream():
        send(sender, each)
    send(sender, stream())

    assert (status_of(alpha).stored_events, status_of(alpha).duplicate_events) == (8, 16)
    assert list(Event.objects.order_by("id").values_list("id", "content_rank")) == before


def test_a_trace_takes_the_place_of_the_events_streamed_before(alpha, sender):
    send(sender, stream())
    assert Trace.objects.get().n_llm == 0
    send(sender, load("trace-replay.json"))

    trace = Trace.objects.get()
    assert (trace.n_llm, trace.tokens_in, trace.cost_nano) == (2, 190, 1_900_000)
    assert Session.objects.get().is_implicit is True
    assert drift_of(alpha.pk) == []


def state():
    facts = Event.objects.order_by("occurred_at", "id").values_list("occurred_at", "id", "name")
    summary = Document.objects.values_list("key", "n_parts", "derived")
    return list(facts), list(summary), list(Trace.objects.values_list("n_spans", "cost_nano"))


def forget():
    Event.objects.all()._raw_delete(using="default")
    for model in (Document, DocumentPart, Trace, Session):
        model.objects.all().delete()
    forget_process_caches()


def test_neither_order_nor_split_of_arrival_matters(alpha, sender):
    pieces = [*stream(), load("trace-replay.json"), load("event-v040-sub-run-started.json")]
    pieces += [load("run-result.json"), load("event-error.json"), load("transcript-artifact.json")]
    send(sender, pieces)
    expected, dice = state(), random.Random(3)

    for _ in range(4):
        forget()
        dice.shuffle(pieces)
        cut = dice.randrange(1, len(pieces))
        for some in (pieces[:cut], pieces[cut:], pieces[:3]):
            send(sender, some)
        assert state() == expected


def test_drift_stays_zero_while_a_run_grows(alpha, sender):
    for each in [*stream(), load("run-result.json"), load("benchmark-run-quality.json")]:
        send(sender, each)
        assert drift_of(alpha.pk) == []


def test_items_are_refused_one_by_one(alpha, sender):
    answer = post(sender, [turn("a", 1, 0.1, 20), {"type": "final"}, 5, {"kind": "benchmark-run"}])
    digest_all()

    said = answer.json()
    assert (answer.status_code, said["accepted"]) == (202, 1)
    assert [(r["index"], r["code"]) for r in said["rejected"]] == [
        (1, "run_id_missing"),
        (2, "not_an_object"),
        (3, "field_invalid"),
    ]
    assert (status_of(alpha).stored_events, status_of(alpha).rejected_events) == (1, 3)


def test_a_broken_line_costs_itself(sender):
    lines = [json.dumps(turn("a", 1, 0.1, 20)), '{"type": ', json.dumps(turn("b", 2, 0.2, 40))]

    said = post(sender, "\n".join(lines)).json()

    assert said["accepted"] == 2
    assert [(r["index"], r["code"]) for r in said["rejected"]] == [(1, "json_invalid")]


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ({"runId": RUN_ID, "entries": []}, "a transcript is"),
        ({"type": "final"}, '"runId" must be a text'),
        ("", "the body is empty"),
        ("{", "not JSON"),
        ({"resourceSpans": []}, "/v1/traces"),
        ({"trace": {"runId": RUN_ID, "x": "[" * 0}, "deep": None}, None),
    ],
)
def test_a_lone_thing_of_no_form_is_a_400_with_a_hint(sender, body, hint):
    answer = post(sender, body)

    assert answer.status_code == (202 if hint is None else 400)
    assert hint is None or hint in answer.json()["detail"]


@pytest.mark.parametrize("name", ["trace-replay.json", "run-result.json"])
def test_the_trace_comes_back_byte_by_byte_in_canonical_form(sender, name):
    send(sender, text_of(name))
    sent = load(name)
    trace = sent.get("trace", sent)

    answer = sender.get(f"{PATH}/{RUN_ID}")

    assert answer["Content-Type"] == "application/json"
    expected = json.dumps(trace, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert answer.content.decode() == expected


def test_a_trace_comes_back_as_javascript_writes_it(sender):
    head = f'{{"schemaVersion":"1.0","runId":"{RUN_ID}"'
    send(sender, head + ',"x":{"b":0.000005,"10":1.0,"9":"\\ud83d"},"events":[]}')

    assert sender.get(f"{PATH}/{RUN_ID}").content.decode() == (
        f'{{"events":[],"runId":"{RUN_ID}","schemaVersion":"1.0",'
        '"x":{"9":"\\ud83d","10":1,"b":0.000005}}'
    )


def test_a_run_without_a_trace_comes_back_as_its_event_log(sender):
    send(sender, stream())

    log = sender.get(f"{PATH}/{RUN_ID}/").json()

    assert log["kind"] == "run-event-log"
    assert log["events"] == stream()
    assert log["eventTypes"] == [each["type"] for each in stream()]


@pytest.mark.parametrize("name", ["transcript-artifact.json", "audit-record-v050.json"])
def test_a_run_of_one_piece_comes_back_as_that(sender, name):
    send(sender, load(name))

    assert sender.get(f"{PATH}/{RUN_ID}").json() == load(name)


def test_any_id_is_read_back(sender):
    run_id = "a/b c\n?%2F" + "x" * 600
    send(sender, turn("a", 1, 0.1, 20, run_id=run_id))
    from urllib.parse import quote

    answer = sender.get(f"{PATH}/{quote(run_id, safe='')}")

    assert answer.json()["events"][0]["runId"] == run_id
    assert sender.get(f"{PATH}/nobody").status_code == 404


def test_runs_are_listed_newest_first_page_by_page(sender):
    for number in range(5):
        send(sender, turn("a", number, 0.1, 20, run_id=f"run-{number}"))

    seen, address = [], f"{PATH}?page_size=2"
    while address:
        body = sender.get(address).json()
        seen += [row["run_id"] for row in body["results"]]
        address = body["next"]

    assert seen == [f"run-{number}" for number in (4, 3, 2, 1, 0)]


def test_lists_filter_by_status_protocol_tier_and_text(sender):
    send(sender, [load("run-result.json"), event("role-assignment", 1, run_id="open", agentId="a")])

    def ids(query):
        return [row["run_id"] for row in sender.get(f"{PATH}?{query}").json()["results"]]

    assert ids("status=completed") == ids("protocol=sequential") == [RUN_ID]
    assert ids("tier=balanced&q=DECIDE") == [RUN_ID]
    assert ids("status=running") == ["open"]
    assert ids("status=failed") == ids("q=nothing") == ids("q=%00") == []
    assert sender.get(f"{PATH}?status=odd").status_code == 400


def test_a_run_nobody_ended_becomes_stale(sender):
    send(sender, event("role-assignment", 1, run_id="open", agentId="a"))
    Document.objects.update(summary={**Document.objects.get().summary, "received_us": 1})

    assert sender.get(f"{PATH}?status=stale").json()["results"][0]["status"] == "stale"
    assert sender.get(f"{PATH}?status=running").json()["results"] == []


def test_a_row_says_what_a_run_was(sender):
    send(sender, load("benchmark-run-quality.json"))

    row = sender.get(PATH).json()["results"][0]

    assert (row["cost_usd"], row["tokens_in"], row["turns"], row["calls"]) == (0.0019, 190, 2, 2)
    assert (row["stop"], row["quality"], row["duration_ms"]) == ("budget:tokens", 0.84, 2600.0)
    assert row["started_at"].startswith(at(0)[:19])
    assert row["benchmarks"][0]["score"] == 84

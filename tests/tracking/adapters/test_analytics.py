"""JSON events: what becomes of each type, and who an event is."""

import json
from pathlib import Path

import pytest

import tracking.adapters.analytics as analytics
from tracking.events import BadBodyError, Kind, Receipt, Status

PAYLOADS = Path(__file__).resolve().parents[2] / "payloads" / "ai-experiments"
RECEIVED_US = 1_772_700_000_000_000  # 2026-03-05T08:40:00Z
RECEIPT = Receipt(received_us=RECEIVED_US, horizon_us=1_700_000_000_000_000)
RUN = "6f0d1c3a-5f0f-4c7e-9a51-0b7d5b1f0a01"


def recorded(name):
    return (PAYLOADS / name).read_bytes()


def read(body):
    """Read a body that is accepted whole."""
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    count, rejected = analytics.check(body, receipt=RECEIPT)
    batch = analytics.read(body, receipt=RECEIPT)
    assert (rejected, batch.rejections, batch.failures) == ([], [], [])
    assert len(batch.events) == count
    return batch.events


def make_event(event_type="click", timestamp="2026-03-04T09:15:00.000Z", **data):
    return {"type": event_type, "timestamp": timestamp, "data": data}


COUNTS = {
    "batch.json": 10,
    "file-backend.jsonl": 15,
    "experiment-summary.json": 7,
    "sequential-stop-on-error-batch.json": 4,
    "variant-start.json": 1,
    "track-custom.json": 1,
    "decision-made-ucb.json": 1,
}


@pytest.mark.parametrize(("name", "count"), COUNTS.items(), ids=COUNTS)
def test_it_reads_recorded_bodies(name, count):
    assert len(read(recorded(name))) == count


def test_it_reads_a_completed_run():
    (event,) = read(recorded("variant-complete.json"))

    assert (event.name, event.kind, event.duration_us) == ("variant.complete", Kind.EVENT, None)
    assert event.occurred_us == 1_772_615_700_812_000
    assert (event.trace_id, event.run_id, event.session_own) == (RUN, RUN, "")
    assert event.status == Status.OK
    assert event.metrics == (("duration_ms", 810.0), ("run_completed", 1.0), ("metric_value", 0.71))
    assert event.arms == (("tone-of-voice", "terse"),)
    assert event.environment == "staging"
    assert event.metadata == '{"projectId":"support-bot"}'
    assert event.payload.attributes == json.loads(recorded("variant-complete.json"))["data"]


def test_it_reads_a_failed_run():
    (event,) = read(recorded("variant-error.json"))

    assert event.status == Status.ERROR
    assert (event.error_type, event.error) == ("variant.error", "429 Too Many Requests")
    assert event.metrics == (("duration_ms", 988.0), ("run_failed", 1.0))


SUMMARY = json.loads((PAYLOADS / "experiment-summary.json").read_text())
OTHER = SUMMARY | {"experimentId": "other"}


@pytest.mark.parametrize(
    "body",
    [
        [SUMMARY, OTHER],
        {"events": [SUMMARY, OTHER]},
        f"{json.dumps(SUMMARY)}\n{json.dumps(OTHER)}\n".encode(),
    ],
    ids=["array", "events", "lines"],
)
def test_summaries_may_stand_where_events_do(body):
    assert len(read(body)) == 14


def test_a_lone_result_is_a_run():
    done, failed = (read(result) for result in SUMMARY["results"])

    assert [event.name for event in done] == ["variant.start", "variant.result", "variant.complete"]
    assert [event.name for event in failed] == ["variant.start", "variant.error"]
    assert {event.id for event in [*done, *failed]} < {event.id for event in read(SUMMARY)}


def test_what_is_refused_among_summaries_is_numbered_as_it_was_sent():
    broken = SUMMARY | {"results": [*SUMMARY["results"], 5]}
    body = json.dumps([SUMMARY, make_event(), 7, broken]).encode()

    _, rejections = analytics.check(body, receipt=RECEIPT)

    assert [(each.index, each.code) for each in rejections] == [
        (2, "not_an_object"),
        (3, "not_an_object"),
    ]


def test_a_summary_may_tell_as_many_runs_as_a_request_items():
    results = [SUMMARY["results"][0] | {"runId": f"r-{n}"} for n in range(10_000)]

    assert len(read(SUMMARY | {"results": results})) == 30_002
    with pytest.raises(BadBodyError, match="this one holds 10,001"):
        read([make_event(), SUMMARY | {"results": results}])


@pytest.mark.parametrize(
    ("told", "error"),
    [
        ({"error": {}, "errorMessage": "Slow down."}, "Slow down."),
        ({"error": {"message": "Slow down."}}, "Slow down."),
        ({"error": {}}, ""),
    ],
)
def test_a_run_that_ended_without_success_has_failed(told, error):
    """As the stores of ai-experiments 2.1 tell it: the value is a column's default."""
    (event,) = read(
        make_event(
            "variant.complete", runId="r", success=False, durationMs=9, metricValue=0, **told
        )
    )

    assert (event.status, event.error_type, event.error) == (Status.ERROR, "variant.error", error)
    assert event.metrics == (("duration_ms", 9.0), ("run_failed", 1.0))


@pytest.mark.parametrize(
    "name", ["variant-complete-no-metric.json", "variant-complete-nonfinite-metric.json"]
)
def test_a_run_without_a_value_has_no_value(name):
    (event,) = read(recorded(name))

    assert [metric for metric, _ in event.metrics] == ["duration_ms", "run_completed"]


def test_it_reads_a_computed_metric():
    (event,) = read(recorded("metric-computed.json"))

    assert event.metrics == (("metric_value", 0.71),)
    assert event.trace_id == RUN


@pytest.mark.parametrize("name", ["experiment-start.json", "experiment-complete.json"])
def test_a_whole_experiment_is_a_trace_without_arms(name):
    (event,) = read(recorded(name))

    assert (event.trace_id, event.run_id, event.arms) == ("experiment:tone-of-voice", "", ())


def test_a_decision_belongs_to_no_trace_unless_it_names_a_session():
    (alone,) = read(recorded("decision-made-decide.json"))
    (in_session,) = read(make_event("decision.made", sessionId="s-1", selectedScore=1))

    assert alone.trace_id == ""
    assert (in_session.trace_id, in_session.session_own) == ("session:s-1", "s-1")


def test_any_other_type_is_kept_with_the_same_keys():
    (event,) = read(
        make_event(
            "checkout.done", sessionId="s", userId="u", experimentId="e", variantId="v", price=3
        )
    )

    assert (event.name, event.session_own, event.user_own) == ("checkout.done", "s", "u")
    assert event.arms == (("e", "v"),)
    assert event.metadata == '{"price":3}'
    assert event.payload.attributes["price"] == 3


def test_a_run_in_a_session_keeps_both():
    (event,) = read(make_event("variant.start", runId="r", sessionId="s", customerId="c"))

    assert (event.trace_id, event.run_id, event.session_own, event.user_own) == ("r", "r", "s", "c")


def test_it_takes_the_aliases_of_later_versions():
    (failed,) = read(make_event("variant.error", runId="r", errorMessage="no", durationMs=5))
    (scored,) = read(make_event("metric.computed", runId="r", metricName="f1", metricValue=0.5))
    (grid,) = read(
        make_event("variant.start", runId="r", dimensions={"model": "a"}, config={"t": 1})
    )

    assert (failed.error, failed.metrics[0]) == ("no", ("duration_ms", 5.0))
    assert scored.metrics == (("metric_value", 0.5), ("f1", 0.5))
    assert json.loads(grid.metadata) == {"model": "a", "t": 1}


def test_unknown_keys_of_the_envelope_are_kept():
    (event,) = read({**make_event(), "id": "e-1", "source": {"sdk": "js"}})

    assert event.payload.extra == {"id": "e-1", "source": {"sdk": "js"}}


def test_a_summary_says_what_the_live_events_said():
    live = json.loads(recorded("variant-complete.json"))
    for of_all_events in ("projectId", "env"):
        del live["data"][of_all_events]
    summary = read(recorded("experiment-summary.json"))

    assert [event.name for event in summary] == [
        "experiment.start",
        "variant.start",
        "variant.result",
        "variant.complete",
        "variant.start",
        "variant.error",
        "experiment.complete",
    ]
    assert read(live)[0].id == summary[3].id
    assert summary[2].payload.attributes["result"] == {"text": "Done."}
    assert summary[-1].payload.attributes["bestVariant"] == "warm"


MOMENT_US = 1_772_615_700_000_000
TIMES = {
    "Z": "2026-03-04T09:15:00Z",
    "z": "2026-03-04T09:15:00z",
    "milliseconds": "2026-03-04T09:15:00.000Z",
    "offset": "2026-03-04T10:15:00+01:00",
    "no zone is UTC": "2026-03-04T09:15:00",
    "a space": "2026-03-04 09:15:00",
    "minutes": "2026-03-04T09:15Z",
    "nanoseconds": "2026-03-04T09:15:00.000000000Z",
    "epoch s": 1_772_615_700,
    "epoch s, float": 1_772_615_700.0,
    "epoch ms": 1_772_615_700_000,
    "epoch us": 1_772_615_700_000_000,
    "epoch ns": 1_772_615_700_000_000_000,
    "epoch ms as text": "1772615700000",
}


@pytest.mark.parametrize("timestamp", TIMES.values(), ids=TIMES)
def test_it_reads_times_as_they_are_written(timestamp):
    (event,) = read(make_event(timestamp=timestamp))

    assert (event.occurred_us, event.needs_clock) == (MOMENT_US, False)


def test_a_date_alone_is_its_midnight():
    (event,) = read(make_event(timestamp="2026-03-04"))

    assert event.occurred_us == 1_772_582_400_000_000


@pytest.mark.parametrize("timestamp", [None, "", 0, -5, "0"])
def test_without_a_time_it_takes_the_time_of_receipt(timestamp):
    (event,) = read(make_event(timestamp=timestamp))

    assert (event.occurred_us, event.needs_clock) == (RECEIVED_US, True)


@pytest.mark.parametrize("timestamp", ["2027-01-01", 10**30, "99999999999999999999"])
def test_a_clock_ahead_is_set_to_receipt(timestamp):
    (event,) = read(make_event(timestamp=timestamp))

    assert (event.occurred_us, event.needs_clock) == (RECEIVED_US, True)
    assert event.warnings == ("clock_ahead",)


def test_the_same_event_is_the_same_however_it_is_written():
    (one,) = read(b'{"type":"a","timestamp":"2026-03-04T09:15:00.000Z","data":{"x":1,"y":[2]}}')
    (two,) = read(b'[{"data": {"y": [2], "x": 1}, "timestamp": 1772615700000, "type": "a"}]')

    assert (one.id, one.content_rank) == (two.id, two.content_rank)


def test_equal_events_of_one_request_are_told_apart_and_told_again():
    body = [make_event(x=1), make_event(x=1), make_event(x=2)]

    first, again = read(body), read(body)

    assert len({event.id for event in first}) == 3
    assert [event.id for event in first] == [event.id for event in again]


def test_a_given_id_is_who_it_is():
    (one,) = read({**make_event(x=1), "id": "e-1"})
    (two,) = read({**make_event(x=2), "id": "e-1"})
    (number,) = read({**make_event(x=2), "id": 7})
    (text,) = read({**make_event(x=3), "id": "7"})

    assert one.id == two.id
    assert one.content_rank != two.content_rank
    assert number.id == text.id


def test_a_request_with_an_identity_gives_its_items_theirs():
    bodies = [b'[{"type": "note", "data": {"n": %d}}]' % n for n in (1, 2)]
    keyed, other = (Receipt(RECEIPT.received_us, 0, {"idempotency-key": k}) for k in "ab")

    first, again = (analytics.read(body, receipt=keyed).events[0].id for body in bodies)

    assert first == again
    assert first != analytics.read(bodies[0], receipt=other).events[0].id

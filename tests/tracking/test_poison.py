"""Hostile items among good neighbours: exactly the good ones are stored, and the ledger closes."""

import datetime
import json

import pytest
from django.utils import timezone

from tests.flows import digest_all, drift_of, make_span, send_events, status_of
from tests.tracking.adapters.otlp_building import json_request, json_span, make_request
from tests.tracking.adapters.otlp_building import make_span as make_otlp_span
from tracking.models import Event, SessionToRefresh

pytestmark = pytest.mark.usefixtures("pipeline")
START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=2)
NESTED = "[" * 5_000 + "]" * 5_000


def text_of(data, **item):
    start, end = START.isoformat(), (START + datetime.timedelta(seconds=1)).isoformat()
    times = {"trace_id": "t", "span_id": "poison", "start": start, "end": end}
    return json.dumps({"type": "span", "data": {**times, **data}, **item})


def point_of(data):
    return '{"type": "poison", "timestamp": "%s", "data": {%s}}' % (START.isoformat(), data)  # noqa: UP031


POISON = {
    "nul": text_of(
        {"name": "a\0b", "session_id": "s\0", "input": "\0", "attributes": {"\0": "\0"}}
    ),
    "nul in metadata": text_of({"metadata": {"a\0": "b\0"}, "tags": ["\0"]}),
    "lone surrogates": text_of({"name": "\ud800", "user_id": "\udfff", "output": "\ud800 \udc00x"}),
    "surrogate key": text_of({"attributes": {"\ud83d": ["\ud83d"]}, "metadata": {"\ud83d": "x"}}),
    "nan": point_of('"metricValue": NaN, "runId": "r", "experimentId": "e", "variantId": "v"'),
    "infinity": point_of('"metricValue": -Infinity, "runId": "r"'),
    "1e400": point_of('"metricValue": 1e400, "runId": "r"'),
    "1e200": point_of('"metricValue": 1e200, "runId": "r"'),
    "5,000 digits": point_of('"metricValue": ' + "9" * 5_000),
    "year 12000": text_of({"start": "12000-01-01T00:00:00Z", "end": "12000-01-01T00:00:01Z"}),
    "year 9999": text_of({"start": "9999-12-31T23:59:59Z", "end": "9999-12-31T23:59:59Z"}),
    "year 1601": text_of({"start": "1601-01-01T00:00:00Z", "end": "1601-01-01T00:00:01Z"}),
    "time zero": text_of({"start": 0, "end": 0}),
    "negative time": text_of({"start": -1, "end": -5}),
    "time beyond 64 bits": text_of({"start": 2**64, "end": 2**65}),
    "negative duration": text_of({"start": START.isoformat(), "end": "2026-01-01T00:00:00Z"}),
    "10k attributes": text_of({"attributes": {f"k{n}": n for n in range(10_000)}}),
    "key of a megabyte": text_of({"attributes": {"k" * 1_000_000: 1}}),
    "10k tags": text_of({"tags": [f"tag {n}" for n in range(10_000)]}),
    "long names": text_of({k: k + "é" * 5_000 for k in ("session_id", "user_id", "model", "name")}),
    "deep": text_of({"attributes": {"x": 1}})[:-2] + f', "deep": {NESTED}' + "}}",
    "deep in a string": text_of({"input": NESTED, "output": NESTED, "attributes": {"x": NESTED}}),
    "tokens of 2^63": text_of({"kind": "llm", "tokens": {"input": 2**63 - 1, "output": 2**63}}),
    "tokens of the wrong type": text_of(
        {"tokens": {"input": "x", "output": [1], "reasoning": True}}
    ),
    "tokens of a list": text_of({"tokens": [1, 2]}),
    "negative tokens": text_of({"tokens": {"input": -5}}),
    "cost of 1e300": text_of({"kind": "llm", "cost_usd": 1e300}),
    "cost of a billion": text_of({"kind": "llm", "cost_usd": 4.6e9}),
    "wrong types": text_of({k: {"x": [1]} for k in ("name", "kind", "status", "model", "user_id")}),
    "attributes of a list": text_of({"attributes": [{"key": "a"}]}),
    "duplicate keys": '{"type": "a", "type": "b", "data": {}}',
    "own ids of a megabyte": text_of({}, id="x" * 1_000_000),
    "long random metadata": text_of({"metadata": {"k": "".join(map(chr, range(256, 1_500)))}}),
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_it_stores_the_neighbours_of_a_poison_item(alpha, sender, poison):
    good = [json.dumps(make_span("t", name, start=START, session_id="s")) for name in "ab"]
    body = f"[{good[0]}, {poison}, {good[1]}, {poison}]"

    answer = sender.post("/api/v1/events", body, content_type="application/json")
    digest_all()

    assert answer.status_code == 202
    assert set(Event.objects.filter(name__in="ab").values_list("name", flat=True)) == {"a", "b"}
    status = status_of(alpha)
    assert status.digested_events + status.rejected_events + status.quarantined == 4
    assert status.quarantined == 0
    assert status.rejected_events == len(answer.json()["rejected"])
    assert drift_of(alpha.pk) == []
    assert SessionToRefresh.objects.count() == 0


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_poison_digested_harms_nothing_that_comes_later(alpha, sender, poison):
    sender.post("/api/v1/events", f"[{poison}]", content_type="application/json")
    digest_all()

    call = {"kind": "llm", "tokens": {"input": 5}, "cost_usd": 0.1}
    send_events(sender, [make_span("t", "later", start=START, session_id="s", **call)])
    run = {"runId": "r", "metricValue": 2.0, "experimentId": "e", "variantId": "v"}
    send_events(sender, [{"type": "poison", "timestamp": START.isoformat(), "data": run}])
    digest_all()

    assert Event.objects.filter(name="later").count() == 1
    assert status_of(alpha).quarantined == 0
    assert drift_of(alpha.pk) == []


def test_it_keeps_a_thousand_calls_of_the_greatest_usage(alpha, sender):
    greatest = {"tokens": {"input": 10**12, "output": 10**12}, "cost_usd": 999_999.0}
    spans = [
        make_span("t", f"s{n}", start=START, session_id="s", kind="llm", **greatest)
        for n in range(1000)
    ]

    send_events(sender, spans)
    digest_all()

    assert (status_of(alpha).stored_events, status_of(alpha).quarantined) == (1000, 0)
    assert drift_of(alpha.pk) == []


OTLP_POISON = {
    "no trace id": {"trace_id": b""},
    "short trace id": {"trace_id": b"1234"},
    "no span id": {"span_id": bytes(8)},
    "time zero": {"start_time_unix_nano": 0, "end_time_unix_nano": 0},
    "end before start": {"end_time_unix_nano": 1},
    "last time of all": {"start_time_unix_nano": 2**64 - 1, "end_time_unix_nano": 2**64 - 1},
    "nul": {"name": "\0", "attributes": None},
}


@pytest.mark.parametrize("fields", OTLP_POISON.values(), ids=OTLP_POISON)
@pytest.mark.parametrize("kind", ["application/x-protobuf", "application/json"])
def test_it_stores_the_neighbours_of_a_poison_span(alpha, sender, kind, fields):
    now_ns = int(START.timestamp()) * 10**9
    times = {"start_time_unix_nano": now_ns, "end_time_unix_nano": now_ns + 10**9}
    fields = {key: value for key, value in fields.items() if value is not None}
    poison = {"gen_ai.conversation.id": "s\0", "gen_ai.usage.input_tokens": "many", "\0": "\0"}
    good = [make_otlp_span(name=name, span_id=name.encode() * 8, **times) for name in "ab"]
    bad = make_otlp_span(poison, **{**times, **fields})
    request = make_request(good[0], bad, good[1])
    body = json_request(request) if kind.endswith("json") else request.SerializeToString()

    answer = sender.post("/v1/traces", body, content_type=kind)
    digest_all()

    assert answer.status_code == 200
    assert Event.objects.filter(name__in="ab").count() == 2
    status = status_of(alpha)
    assert status.stored_events + status.rejected_events == 3
    assert drift_of(alpha.pk) == []


def test_a_broken_span_in_json_costs_itself(alpha, sender):
    now_ns = int(START.timestamp()) * 10**9
    times = {"start_time_unix_nano": now_ns, "end_time_unix_nano": now_ns + 10**9}
    good = json_span(make_otlp_span(name="good", **times))
    bad = {**good, "spanId": "0102030405060709", "attributes": {"an": "object"}}
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [bad, good]}]}]})

    answer = sender.post("/v1/traces", body, content_type="application/json")
    digest_all()

    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"
    assert status_of(alpha).stored_events == 1

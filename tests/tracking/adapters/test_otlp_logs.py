"""GenAI events on the logs signal: what is kept, what becomes of it, what is refused."""

import json

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.tracking.adapters.logs_building import (
    DETAILS,
    EVALUATION,
    RELEVANCE,
    SPAN,
    TRACE,
    json_logs,
    json_record,
    make_logs,
    make_record,
)
from tests.tracking.adapters.otlp_building import (
    RECEIPT,
    START_NS,
)
from tracking.adapters import otlp_logs
from tracking.adapters.dialects.messages import messages_of
from tracking.adapters.scores import derive
from tracking.events import BadBodyError, Kind


def read(*records, **options):
    body = make_logs(*records, **options).SerializeToString()
    return otlp_logs.read(body, json=False, receipt=RECEIPT)


def score_of(batch):
    (part,) = batch.parts
    return derive(part.key, [part]).events[0]


def test_an_evaluation_is_a_score_of_its_span():
    event = score_of(read(make_record(EVALUATION, RELEVANCE)))

    assert event.metrics == (("score:Relevance", 0.75),)
    assert (event.trace_id, event.parent_span_id) == (TRACE.hex(), SPAN.hex())
    assert event.occurred_us == START_NS // 1000
    assert event.payload.attributes == {
        "name": "Relevance",
        "value": 0.75,
        "source": "judge",
        "comment": "It answers.",
        "gen_ai.evaluation.score.label": "good",
        "gen_ai.response.id": "r-1",
    }


@pytest.mark.parametrize(
    ("said", "metric"),
    [
        ({"score.value": 3}, ("score:tone", 3.0)),
        ({"score.value": True}, ("score:tone", 1.0)),
        ({"score.label": "kind"}, ("score:tone=kind", 1.0)),
    ],
)
def test_a_value_may_be_any_number_a_truth_or_a_label(said, metric):
    attributes = {f"gen_ai.evaluation.{name}": value for name, value in said.items()}

    event = score_of(
        read(make_record(EVALUATION, {"gen_ai.evaluation.name": "tone", **attributes}))
    )

    assert event.metrics == (metric,)


def test_an_evaluation_without_a_value_is_kept_as_a_point():
    attributes = {"gen_ai.evaluation.name": "tone", "error.type": "timeout"}

    batch = read(make_record(EVALUATION, attributes))

    assert (len(batch.events), batch.parts) == (1, [])
    assert batch.events[0].payload.attributes == attributes


@pytest.mark.parametrize(
    ("attributes", "trace_id"),
    [
        ({"gen_ai.conversation.id": "c"}, "session:c"),
        ({"gen_ai.response.id": "r-1"}, "response:r-1"),
        ({}, ""),
    ],
)
def test_a_record_without_a_trace_goes_by_what_else_it_names(attributes, trace_id):
    batch = read(make_record(DETAILS, attributes, trace_id=b"", span_id=b""))

    assert batch.events[0].trace_id == trace_id


def test_an_evaluation_of_an_answer_goes_by_its_id():
    attributes = {**RELEVANCE, "gen_ai.response.id": "r-1"}

    event = score_of(read(make_record(EVALUATION, attributes, trace_id=b"", span_id=b"\1" * 8)))

    assert (event.trace_id, event.parent_span_id, event.session_own) == ("response:r-1", "", "")


def test_an_evaluation_of_a_session_is_its_score():
    attributes = {**RELEVANCE, "gen_ai.conversation.id": "c"}

    event = score_of(read(make_record(EVALUATION, attributes, trace_id=b"", span_id=b"")))

    assert (event.session_own, event.trace_id) == ("c", "session:c")


def test_details_are_a_point_with_the_content_of_their_span():
    attributes = {
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 7,
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "hi"}]}],
        "gen_ai.output.messages": '[{"role":"assistant","parts":[]}]',
    }

    event = read(make_record(DETAILS, attributes)).events[0]

    assert (event.kind, event.duration_us, event.name) == (Kind.EVENT, None, DETAILS)
    assert (event.model, event.tokens_in) == ("gpt-4o", None)
    assert event.payload.input.startswith('[{"role":"user"')
    assert event.payload.output == '[{"role":"assistant","parts":[]}]'
    assert event.payload.attributes == {"gen_ai.usage.input_tokens": 7}


def test_messages_of_older_conventions_are_read():
    question = make_record(
        "gen_ai.user.message", {"gen_ai.system": "openai"}, body={"content": "hi"}
    )
    answer = make_record(
        "gen_ai.choice", body={"index": 0, "message": {"role": "assistant", "content": "ho"}}
    )

    asked, answered = read(question, answer).events

    assert messages_of(asked.payload, {}, "input")[0].parts[0].text == "hi"
    assert messages_of(answered.payload, {}, "output")[0].parts[0].text == "ho"
    assert asked.parent_span_id == SPAN.hex()


def test_a_message_without_content_says_nothing():
    event = read(make_record("gen_ai.user.message", {"gen_ai.system": "openai"})).events[0]

    assert event.payload.span_events == [
        ["gen_ai.user.message", START_NS, {"gen_ai.system": "openai"}]
    ]
    assert messages_of(event.payload, {}, "input") == []


def test_both_encodings_give_equal_events():
    request = make_logs(
        make_record(EVALUATION, RELEVANCE),
        make_record(DETAILS, {"gen_ai.input.messages": "[]"}, severity_number=9),
        make_record("gen_ai.choice", body={"index": 0, "n": [1, 1.5, None, True]}),
        resource={"service.version": "2.1"},
    )

    from_protobuf = otlp_logs.read(request.SerializeToString(), json=False, receipt=RECEIPT)
    from_json = otlp_logs.read(json_logs(request), json=True, receipt=RECEIPT)

    assert from_json == from_protobuf
    assert {event.release for event in from_json.events} == {"2.1"}


def test_equal_records_of_a_request_are_two_and_sent_again_the_same():
    record = make_record(DETAILS)

    once, again = read(record, record).events, read(record, record).events

    assert len({event.id for event in once}) == 2
    assert once == again


def test_the_name_may_be_an_attribute():
    batch = read(make_record("", {"event.name": DETAILS}))

    assert [event.name for event in batch.events] == [DETAILS]


@pytest.mark.parametrize("in_json", [True, False])
def test_everything_else_is_counted_and_refused(in_json):
    request = make_logs(
        make_record("", body="a line of a log"),
        make_record(DETAILS),
        make_record(DETAILS, trace_id=b"short"),
        make_record(DETAILS, span_id=b"short"),
        make_record(DETAILS, time_unix_nano=(RECEIPT.horizon_us - 1) * 1000),
    )
    body = json_logs(request) if in_json else request.SerializeToString()

    n_records, rejections = otlp_logs.check(body, json=in_json, receipt=RECEIPT)

    assert n_records == 5
    assert [(refusal.index, refusal.code) for refusal in rejections] == [
        (0, "log_not_collected"),
        (2, "invalid_trace_id"),
        (3, "invalid_span_id"),
        (4, "expired"),
    ]
    batch = otlp_logs.read(body, json=in_json, receipt=RECEIPT)
    assert (batch.rejections, len(batch.events)) == (rejections, 1)


def test_a_malformed_record_costs_no_other():
    good = json_record(make_record(DETAILS))
    records = [{**good, "traceId": "zz"}, good, {**good, "timeUnixNano": "soon"}]
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": records}]}]}).encode()

    batch = otlp_logs.read(body, json=True, receipt=RECEIPT)

    assert [(r.index, r.code) for r in batch.rejections] == [(0, "malformed"), (2, "malformed")]
    assert len(batch.events) == 1


@pytest.mark.parametrize(
    ("body", "in_json"),
    [(b"\xff", False), (b"{", True), (b"[]", True), (b'{"resourceSpans": []}', True)],
)
def test_what_is_no_request_is_bad(body, in_json):
    with pytest.raises(BadBodyError):
        otlp_logs.check(body, json=in_json, receipt=RECEIPT)


def test_too_many_records_are_bad():
    body = make_logs(*[LogRecord()] * 10_001).SerializeToString()

    with pytest.raises(BadBodyError, match="10001 records"):
        otlp_logs.check(body, json=False, receipt=RECEIPT)


@pytest.mark.parametrize("in_json", [True, False])
def test_a_record_that_fails_can_be_read_again_alone(in_json, monkeypatch):
    request = make_logs(make_record(DETAILS), make_record(EVALUATION, RELEVANCE))
    body = json_logs(request) if in_json else request.SerializeToString()

    def fail(*args):
        raise ValueError("unforeseen")

    with monkeypatch.context() as patched:
        patched.setattr(otlp_logs, "map_record", fail)
        batch = otlp_logs.read(body, json=in_json, receipt=RECEIPT)

    (failure,) = batch.failures
    assert (failure.index, failure.reason, len(batch.parts)) == (0, "ValueError: unforeseen", 1)
    again = otlp_logs.read(failure.body, json=in_json, receipt=RECEIPT)
    assert [event.name for event in again.events] == [DETAILS]

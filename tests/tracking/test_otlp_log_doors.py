"""OTLP logs through the door, and the ways to send a key there."""

import base64
import json
import time

import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from tests.flows import digest_all, drift_of, status_of
from tests.tracking.adapters.logs_building import (
    DETAILS,
    EVALUATION,
    RELEVANCE,
    SPAN,
    TRACE,
    json_logs,
    make_logs,
    make_record,
)
from tests.tracking.adapters.otlp_building import make_request, make_span
from tracking.models import Event, SessionMetric, SessionText

pytestmark = pytest.mark.usefixtures("pipeline")
PROTOBUF, JSON = "application/x-protobuf", "application/json"
ENCODINGS = pytest.mark.parametrize("kind", [PROTOBUF, JSON])
PATHS = ["/v1/logs", "/v1/logs/", "/api/public/otel/v1/logs"]
ASKED = '[{"role":"user","parts":[{"type":"text","content":"Where is my order?"}]}]'
ANSWERED = '[{"role":"assistant","parts":[{"type":"text","content":"On its way."}]}]'
CONTENT = {"gen_ai.input.messages": ASKED, "gen_ai.output.messages": ANSWERED}
CALL = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "gpt-4o", "session.id": "s"}


def at_once(name, attributes=None, **fields):
    return make_record(name, attributes, time_unix_nano=time.time_ns(), **fields)


def post_logs(client, *records, kind=PROTOBUF, path="/v1/logs"):
    request = make_logs(*records)
    body = request.SerializeToString() if kind == PROTOBUF else json_logs(request)
    return client.post(path, body, content_type=kind)


def post_call(client, **headers):
    now_ns = time.time_ns()
    times = {"start_time_unix_nano": now_ns - 9_000_000, "end_time_unix_nano": now_ns}
    body = make_request(make_span(CALL, **times)).SerializeToString()
    return client.post("/v1/traces", body, content_type=PROTOBUF, headers=headers)


@ENCODINGS
@pytest.mark.parametrize("path", PATHS)
def test_a_full_success_is_an_empty_message(alpha, sender, kind, path):
    answer = post_logs(sender, at_once(DETAILS), kind=kind, path=path)
    digest_all()

    assert (answer.status_code, answer["Content-Type"]) == (200, kind)
    assert answer.content == (b"" if kind == PROTOBUF else b"{}")
    assert status_of(alpha).stored_events == 1


@ENCODINGS
def test_other_records_are_refused_in_a_partial_success(alpha, sender, kind):
    answer = post_logs(sender, at_once(DETAILS), at_once("", body="a line"), kind=kind)
    digest_all()

    assert answer.status_code == 200
    if kind == PROTOBUF:
        said = ExportLogsServiceResponse.FromString(answer.content).partial_success
        rejected, message = str(said.rejected_log_records), said.error_message
    else:
        said = json.loads(answer.content)["partialSuccess"]
        rejected, message = said["rejectedLogRecords"], said["errorMessage"]
    assert rejected == "1"
    assert message.startswith("log record 1: log_not_collected: only GenAI events are kept")
    assert (status_of(alpha).stored_events, status_of(alpha).rejected_events) == (1, 1)


@ENCODINGS
def test_a_broken_body_is_bad_data(sender, kind):
    answer = sender.post("/v1/logs", b"\xffnot it", content_type=kind)

    assert (answer.status_code, answer["Content-Type"]) == (400, kind)
    said = Status.FromString(answer.content) if kind == PROTOBUF else json.loads(answer.content)
    message = said.message if kind == PROTOBUF else said["message"]
    assert message.startswith("not an ExportLogsServiceRequest")


def test_an_evaluation_scores_the_session_of_its_span(alpha, sender, bob_client):
    post_logs(sender, at_once(EVALUATION, RELEVANCE))
    post_call(sender)
    post_logs(sender, at_once(EVALUATION, RELEVANCE | {"gen_ai.evaluation.name": "Tone"}))
    digest_all()

    metrics = SessionMetric.objects.filter(project_id=alpha.pk, session_id="s")
    assert dict(metrics.values_list("name", "last")) == {
        "score:Relevance": 0.75,
        "score:Tone": 0.75,
    }
    assert drift_of(alpha.pk) == []
    page = bob_client.get(f"/p/alpha/traces/{TRACE.hex()}/").content.decode()
    assert "Relevance" in page
    assert "It answers." in page


def test_an_evaluation_that_names_an_answer_is_shown_on_its_span(alpha, sender, bob_client):
    post_logs(sender, at_once(EVALUATION, RELEVANCE, trace_id=b"", span_id=b""))
    now_ns = time.time_ns()
    ends = [(1, "r-1"), (2, "r-2")]
    spans = [
        make_span(
            {**CALL, "gen_ai.response.id": answer},
            span_id=bytes(7) + bytes([at]),
            start_time_unix_nano=now_ns - 9_000_000,
            end_time_unix_nano=now_ns,
        )
        for at, answer in ends
    ]
    sender.post("/v1/traces", make_request(*spans).SerializeToString(), content_type=PROTOBUF)
    digest_all()

    assert drift_of(alpha.pk) == []
    (score,) = sender.get("/api/v1/scores").json()["results"]
    assert (score["name"], score["value"], score["source"]) == ("Relevance", 0.75, "judge")
    for at, is_shown in ((1, True), (2, False)):
        page = bob_client.get(f"/p/alpha/traces/{TRACE.hex()}/?span=000000000000000{at}")
        assert ("It answers." in page.content.decode()) is is_shown


def test_sent_again_it_changes_nothing(alpha, sender):
    records = [at_once(EVALUATION, RELEVANCE), at_once(DETAILS, CONTENT)]
    for _ in range(2):
        post_logs(sender, *records)
        digest_all()

    assert Event.objects.filter(project_id=alpha.pk).count() == 2
    assert (status_of(alpha).stored_events, status_of(alpha).duplicate_events) == (2, 2)
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("logs_first", [True, False])
def test_details_are_shown_on_their_call(alpha, sender, bob_client, logs_first):
    steps = [lambda: post_logs(sender, at_once(DETAILS, CONTENT)), lambda: post_call(sender)]
    for step in steps if logs_first else reversed(steps):
        step()
        digest_all()

    trace = bob_client.get(f"/p/alpha/traces/{TRACE.hex()}/?span={SPAN.hex()}").content.decode()
    assert "Where is my order?" in trace
    assert "On its way." in trace
    thread = bob_client.get("/p/alpha/sessions/s/").content.decode()
    assert "Where is my order?" in thread
    assert DETAILS not in thread
    assert drift_of(alpha.pk) == []


def test_messages_of_older_conventions_are_shown_on_their_call(alpha, sender, bob_client):
    post_logs(
        sender,
        at_once("gen_ai.user.message", body={"content": "Where is my order?"}),
        at_once("gen_ai.choice", body={"index": 0, "message": {"content": "On its way."}}),
    )
    post_call(sender)
    digest_all()

    trace = bob_client.get(f"/p/alpha/traces/{TRACE.hex()}/?span={SPAN.hex()}").content.decode()
    assert "Where is my order?" in trace
    assert "On its way." in trace
    text = SessionText.objects.get(project_id=alpha.pk, session_id="s")
    assert (text.first_input, text.last_output) == ("Where is my order?", "On its way.")


def basic(user, password):
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


@pytest.mark.parametrize("user", ["pk-lf-anything", "", "ünï"])
def test_a_key_may_be_a_basic_password(alpha, client, make_key, user):
    answer = post_call(client, authorization=basic(user, make_key("ingest")))
    digest_all()

    assert answer.status_code == 200
    assert status_of(alpha).stored_events == 1


@pytest.mark.parametrize(
    "header",
    [
        basic("user", "wrong"),
        basic("user", ""),
        "Basic",
        "Basic !!!",
        "Basic /w==",
        "Basic " + base64.b64encode(b"no colon").decode(),
    ],
)
def test_other_basic_credentials_are_refused(alpha, client, header):
    answer = post_call(client, authorization=header)

    assert answer.status_code == 401
    assert Status.FromString(answer.content).code == 16


def test_basic_opens_no_other_door(client, make_key):
    answer = client.get("/api/v1/totals", headers={"authorization": basic("u", make_key())})

    assert answer.status_code == 401

"""OpenTelemetry's own exporter against the door: what it sends is stored, what it hears is right.

The exporter's HTTP session is led into the application in this process, so the test's transaction
sees what it sent.
"""

import gzip
import zlib
from collections.abc import Iterator

import pytest
import requests
from django.test import Client
from google.rpc import status_pb2
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Status, StatusCode
from requests.adapters import BaseAdapter

from tests.flows import digest_all, forget_process_caches, status_of
from tests.tracking.adapters.otlp_building import json_request, make_request, make_span
from tracking.adapters.dialects.attributes import rebuild_attributes
from tracking.models import Event
from tracking.payloads import load_payloads

PATHS = ["/v1/traces", "/v1/traces/", "/api/public/otel/v1/traces"]


class InProcess(BaseAdapter):
    """Requests' transport into the application."""

    def send(self, request, **_):
        answer = Client().generic(
            request.method,
            request.path_url,
            request.body or b"",
            content_type=request.headers.get("Content-Type", ""),
            headers=dict(request.headers),
        )
        response = requests.Response()
        response.status_code = answer.status_code
        response.headers.update(answer.headers)
        response._content = answer.content
        response.url, response.request, response.reason = request.url, request, ""
        return response

    def close(self):
        pass


@pytest.fixture
def session() -> Iterator[requests.Session]:
    forget_process_caches()
    with requests.Session() as session:
        session.mount("http://", InProcess())
        yield session


def make_tracer(session, key, *, path="/v1/traces", compression=Compression.Gzip):
    exporter = OTLPSpanExporter(
        endpoint=f"http://testserver{path}",
        headers={"authorization": f"Bearer {key}"},
        compression=compression,
        session=session,
    )
    provider = TracerProvider(resource=Resource({"service.version": "1.2", "team": "support"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider.get_tracer("contract", "0.1")


ATTRIBUTES = {
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": "gpt-4o",
    "gen_ai.usage.input_tokens": 100,
    "gen_ai.usage.output_tokens": 20,
    "gen_ai.response.finish_reasons": ("stop",),
    "session.id": "s-1",
    "assay.experiment": "tone",
    "assay.variant": "warm",
    "gen_ai.usage.cost": 0.1,
    "gen_ai.response.time_to_first_chunk": 0.0,
    "tag.tags": ("vip", "eu"),
    "openinference.span.kind": "LLM",
    "gen_ai.input.messages": '[{"role":"user","content":"hi"}]',
    "ratio": 0.5,
    "flags": (True, False),
}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("path", "compression"), [*zip(PATHS, Compression, strict=True)])
def test_what_the_exporter_sends_is_stored_attribute_by_attribute(
    session, alpha, alpha_key, path, compression
):
    tracer = make_tracer(session, alpha_key, path=path, compression=compression)

    with (
        tracer.start_as_current_span("agent") as root,
        tracer.start_as_current_span("chat") as call,
    ):
        call.set_attributes(ATTRIBUTES)
        call.record_exception(ValueError("no"))
        call.set_status(Status(StatusCode.ERROR, "it failed"))
        root.set_attribute("session.id", "s-1")
    digest_all()

    event = Event.objects.get(project_id=alpha.pk, name="chat")
    place = event.occurred_at, event.block_id, event.block_ix
    back = rebuild_attributes(event, load_payloads(alpha.pk, [place])[0])
    assert back == {name: list(v) if type(v) is tuple else v for name, v in ATTRIBUTES.items()}
    assert (event.model, event.tokens_in, event.error, event.release) == (
        "gpt-4o",
        100,
        "it failed",
        "1.2",
    )
    assert event.error_type == "ValueError"
    assert status_of(alpha).stored_events == 2


def post(key, body, *, encoding="", content_type="application/x-protobuf"):
    headers = {"authorization": f"Bearer {key}"}
    if encoding:
        headers["content-encoding"] = encoding
    return Client().generic("POST", "/v1/traces", body, content_type=content_type, headers=headers)


@pytest.mark.django_db
def test_success_is_zero_bytes_in_protobuf_and_braces_in_json(alpha_key):
    request = make_request(make_span())

    protobuf = post(alpha_key, request.SerializeToString())
    json = post(alpha_key, json_request(request), content_type="application/json; charset=utf-8")

    assert (protobuf.status_code, protobuf.content) == (200, b"")
    assert protobuf["Content-Type"] == "application/x-protobuf"
    assert (json.status_code, json.content) == (200, b"{}")
    assert json["Content-Type"] == "application/json"


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("encoding", "compress"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
def test_every_encoding_of_the_body_is_read(alpha_key, encoding, compress):
    body = compress(make_request(make_span()).SerializeToString())

    assert post(alpha_key, body, encoding=encoding).status_code == 200


@pytest.mark.django_db(transaction=True)
def test_one_bad_span_is_a_partial_success(alpha, alpha_key):
    request = make_request(make_span(), make_span(span_id=bytes(8)))

    answer = post(alpha_key, request.SerializeToString())
    digest_all()

    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 1)
    assert "spanId is 8 bytes" in partial.error_message
    ledger = status_of(alpha)
    assert (ledger.stored_events, ledger.rejected_events) == (1, 1)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "status"),
    [
        (b"\xff\xff", "application/x-protobuf", "", 400),
        (b"{", "application/json", "", 400),
        (b"x", "application/xml", "", 415),
        (b"x", "application/x-protobuf", "br", 415),
        (b"not gzip", "application/x-protobuf", "gzip", 400),
    ],
)
def test_every_error_is_a_status_in_the_encoding_of_the_request(
    alpha_key, body, content_type, encoding, status
):
    answer = post(alpha_key, body, encoding=encoding, content_type=content_type)

    assert answer.status_code == status
    if answer["Content-Type"] == "application/x-protobuf":
        assert status_pb2.Status.FromString(answer.content).message
    else:
        assert answer.json()["message"]


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["", "ak_unknown"])
def test_an_unknown_key_is_a_status_too(key):
    answer = post(key, b"x")

    assert answer.status_code == 401
    assert status_pb2.Status.FromString(answer.content).code == 16

"""The real OpenTelemetry SDK and exporter against a live server."""

import time

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode

from tests.flows import digest_all, drift_of, status_of
from tracking.models import Event, Session, Trace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_caches")]


class Recording(SpanExporter):
    """Passes spans on and keeps the results."""

    def __init__(self, exporter):
        self.exporter, self.results = exporter, []

    def export(self, spans):
        result = self.exporter.export(spans)
        self.results.append(result)
        return result

    def shutdown(self):
        self.exporter.shutdown()


def make_exporter(url, key, compression=Compression.Gzip):
    return Recording(
        OTLPSpanExporter(
            endpoint=url,
            headers={"Authorization": f"Bearer {key}"},
            compression=compression,
            timeout=60,
        )
    )


def send_conversation(exporter):
    """A request with one model call below it; returns the trace id."""
    provider = TracerProvider(
        resource=Resource({"service.name": "bot", "deployment.environment.name": "test"}),
        shutdown_on_exit=False,
    )
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests")
    with (
        tracer.start_as_current_span(
            "answer", attributes={"session.id": "s1", "user.id": "ada"}
        ) as root,
        tracer.start_as_current_span("chat gpt-4o", kind=SpanKind.CLIENT) as call,
    ):
        call.set_attributes(
            {
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",
                "gen_ai.request.model": "gpt-4o",
                "gen_ai.usage.input_tokens": 12,
                "gen_ai.usage.output_tokens": 3,
            }
        )
        call.set_status(Status(StatusCode.ERROR, "no answer"))
    provider.shutdown()
    return f"{root.get_span_context().trace_id:032x}"


@pytest.mark.parametrize("compression", list(Compression), ids=lambda each: each.name)
@pytest.mark.parametrize("path", ["/v1/traces", "/v1/traces/"])
def test_what_it_exports_is_seen(alpha, alpha_key, live_server, path, compression):
    exporter = make_exporter(live_server.url + path, alpha_key, compression)

    trace_id = send_conversation(exporter)
    digest_all()

    assert exporter.results == [SpanExportResult.SUCCESS] * 2
    session = Session.objects.get(project_id=alpha.pk)
    assert (session.session_id, session.user_id, session.n_spans) == ("s1", "ada", 2)
    assert (session.n_llm, session.tokens_in, session.n_errors) == (1, 12, 1)
    assert Trace.objects.get(project_id=alpha.pk).trace_id == trace_id
    assert drift_of(alpha.pk) == []


def test_pages_and_api_show_it(alpha, alpha_key, live_server, api, bob_client):
    trace_id = send_conversation(make_exporter(live_server.url + "/v1/traces", alpha_key))
    digest_all()

    spans = api.get(f"/api/v1/traces/{trace_id}").json()["spans"]
    assert [span["name"] for span in spans] == ["answer", "chat gpt-4o"]
    assert spans[1]["model"] == "gpt-4o"
    assert "chat gpt-4o" in bob_client.get(f"/p/alpha/traces/{trace_id}/").content.decode()
    assert bob_client.get("/p/alpha/sessions/s1/").status_code == 200


def test_a_partial_success_is_none_to_retry(alpha, alpha_key, live_server):
    exporter = make_exporter(live_server.url + "/v1/traces", alpha_key)
    alpha.horizon_days = 1
    alpha.save()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    long_ago = time.time_ns() - 3 * 86_400 * 10**9

    provider.get_tracer("tests").start_span("old", start_time=long_ago).end(long_ago + 5)
    provider.shutdown()
    digest_all()

    assert exporter.results == [SpanExportResult.SUCCESS]
    assert (status_of(alpha).rejected_events, status_of(alpha).stored_events) == (1, 0)
    assert Event.objects.filter(project_id=alpha.pk).count() == 0


def test_a_wrong_key_fails_at_once(alpha, live_server):
    exporter = make_exporter(live_server.url + "/v1/traces", "ak_unknown")
    began = time.monotonic()

    send_conversation(exporter)

    assert exporter.results == [SpanExportResult.FAILURE] * 2
    assert time.monotonic() - began < 30  # one that tried again would take a minute
    assert status_of(alpha).pending_batches == 0

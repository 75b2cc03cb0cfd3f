"""The lines an experiment's page shows, run as they stand with OpenTelemetry's own SDK."""

import json

import pytest
from django.utils import timezone
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from experiments.analysis import analyse
from experiments.declarations import Declaration, DeclaredVariant
from experiments.definition import describe_definition
from experiments.models import Experiment
from tests.experiments.declared import make_running, make_versions
from tests.flows import digest_all, drift_of, forget_process_caches, make_sender, send_events
from tracking.models import Event

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def nothing_known(db):
    forget_process_caches()
    Event.objects.all()._raw_delete(using="default")  # no flush empties tables made by SQL
    yield
    forget_process_caches()


def units_of(experiment):
    found = Experiment.objects.get(pk=experiment.pk)
    results = analyse(found, now=timezone.now()).results
    return {variant["key"]: variant["units"] for variant in results["variants"]}


def test_spans_tagged_as_the_page_says_count_in_their_variants(alpha, alpha_key, live_server):
    make_versions(alpha)
    variants = tuple(
        DeclaredVariant(key=f"v{number}", prompt="support-answer", prompt_version=number)
        for number in (1, 2)
    )
    said = Declaration(key='tone "warm" é', kind="prompt", variants=variants)
    experiment = make_running(alpha, said, now=timezone.now())
    exporter = OTLPSpanExporter(
        endpoint=f"{live_server.url}/v1/traces", headers={"Authorization": f"Bearer {alpha_key}"}
    )
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    code = describe_definition(experiment).snippet
    for n in range(20):
        with provider.get_tracer("tests").start_as_current_span("answer") as span:
            exec(code, {"span": span, "session_id": f"s{n}"})  # noqa: S102 # what the page says
    provider.shutdown()
    digest_all()

    found = units_of(experiment)
    assert sum(found.values()) == 20
    assert min(found.values()) > 0
    named = Event.objects.values_list("prompt_key", "prompt_version").distinct()
    assert set(named) == {("support-answer", "1"), ("support-answer", "2")}
    assert drift_of(alpha.pk) == []


def test_the_events_that_the_page_shows_for_runs_count(alpha):
    variants = (DeclaredVariant(key="a"), DeclaredVariant(key="b"))
    said = Declaration(key="summaries", unit="run", kind="offline", variants=variants)
    experiment = make_running(alpha, said, now=timezone.now())
    lines = describe_definition(experiment).snippet.splitlines()

    send_events(make_sender(alpha), [json.loads(line) for line in lines])
    digest_all()

    assert units_of(experiment) == {"a": 0, "b": 1}

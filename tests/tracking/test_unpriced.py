"""Calls whose cost nobody knows: counted wherever money is summed, and never shown as nothing."""

import datetime
import importlib
from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from tests.flows import digest_all, drift_of, make_sender, make_span, send_events
from tests.tracking.streams import make_stream
from tracking.models import Session, Trace, TracePart, UsageRollup

pytestmark = pytest.mark.usefixtures("pipeline")
UNKNOWN = {"kind": "llm", "provider": "vllm", "model": "my-llama", "session_id": "s"}
KNOWN = {"kind": "llm", "provider": "openai", "model": "gpt-4o", "session_id": "s"}
USED = {"tokens": {"input": 1000, "output": 100}}


@pytest.fixture
def sender(alpha):
    return make_sender(alpha)


def send(client, *spans):
    send_events(client, list(spans))
    digest_all()


def counted():
    """How many calls lack a cost, by sessions, traces and rollups of every family; they agree."""
    of_sessions = Session.objects.aggregate(n=Sum("n_unpriced"))["n"]
    of_traces = Trace.objects.aggregate(n=Sum("n_unpriced"))["n"]
    families = UsageRollup.objects.values("family").annotate(n=Sum("n_unpriced"))
    assert {row["n"] for row in families} == {of_sessions} == {of_traces}
    return of_sessions


@pytest.mark.parametrize(
    ("call", "n"),
    [
        ({**UNKNOWN, **USED}, 1),
        ({**KNOWN, **USED}, 0),
        (UNKNOWN, 1),  # it says nothing of tokens: it cost something
        (KNOWN, 1),
        ({**UNKNOWN, "status": "error"}, 0),  # it failed before it used any
        ({**UNKNOWN, **USED, "status": "error"}, 1),
        ({**UNKNOWN, "tokens": {"input": 0, "output": 0}}, 0),
        ({**UNKNOWN, **USED, "cost_usd": 0}, 0),  # who called says that it was free
        ({**UNKNOWN, **USED, "kind": "embedding"}, 1),
        ({**UNKNOWN, **USED, "kind": "agent"}, 1),  # stands for calls that nobody sent
        ({**UNKNOWN, "kind": "agent"}, 0),
        ({"kind": "tool"}, 0),
    ],
)
def test_a_call_of_unknown_cost_is_counted(alpha, sender, call, n):
    send(sender, make_span("t", "a", **call))

    assert Trace.objects.get().n_unpriced == n
    assert drift_of(alpha.pk) == []


def test_a_wrapper_gives_way_to_the_calls_it_stood_for(alpha, sender):
    send(sender, make_span("t", "agent", **{**UNKNOWN, **USED, "kind": "agent"}))
    assert counted() == 1

    send(sender, make_span("t", "call", parent_span_id="agent", **KNOWN, **USED))

    assert counted() == 0
    assert drift_of(alpha.pk) == []


def test_a_span_told_again_with_its_cost_is_counted_no_more(alpha, sender):
    start = timezone.now() - datetime.timedelta(hours=1)
    send(sender, make_span("t", "a", start=start, **UNKNOWN, **USED))
    send(sender, make_span("t", "a", start=start, seconds=2.0, **UNKNOWN, **USED, cost_usd=0.5))

    assert counted() == 0
    assert drift_of(alpha.pk) == []


def test_the_migration_counts_what_is_stored_already(alpha, sender):
    for seed in range(8):
        send_events(sender, make_stream(seed))
    digest_all()
    before = counted()
    for model in (Session, Trace, TracePart, UsageRollup):
        model.objects.update(n_unpriced=0)
    assert drift_of(alpha.pk) != []
    migration = importlib.import_module("tracking.migrations.0025_count_unpriced")

    migration.count_unpriced(None, SimpleNamespace(connection=connection))

    assert counted() == before > 0
    assert drift_of(alpha.pk) == []

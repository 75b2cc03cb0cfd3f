"""Calls whose cost nobody knows: counted wherever money is summed, and never shown as nothing."""

import datetime
import importlib
from types import SimpleNamespace

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

from tests.flows import digest, digest_all, drift_of, make_span, send_events
from tests.tracking.streams import make_stream
from tracking.models import IngestCounter, Session, Trace, TracePart, UsageRollup

pytestmark = pytest.mark.usefixtures("pipeline")
UNKNOWN = {"kind": "llm", "provider": "vllm", "model": "my-llama", "session_id": "s"}
KNOWN = {"kind": "llm", "provider": "openai", "model": "gpt-4o", "session_id": "s"}
USED = {"tokens": {"input": 1000, "output": 100}}


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
    digest(sender, make_span("t", "a", **call))

    assert Trace.objects.get().n_unpriced == n
    assert drift_of(alpha.pk) == []


def test_a_wrapper_gives_way_to_the_calls_it_stood_for(alpha, sender):
    digest(sender, make_span("t", "agent", **{**UNKNOWN, **USED, "kind": "agent"}))
    assert counted() == 1

    digest(sender, make_span("t", "call", parent_span_id="agent", **KNOWN, **USED))

    assert counted() == 0
    assert drift_of(alpha.pk) == []


def test_a_span_told_again_with_its_cost_is_counted_no_more(alpha, sender):
    start = timezone.now() - datetime.timedelta(hours=1)
    digest(sender, make_span("t", "a", start=start, **UNKNOWN, **USED))
    digest(sender, make_span("t", "a", start=start, seconds=2.0, **UNKNOWN, **USED, cost_usd=0.5))

    assert counted() == 0
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize(("cost", "known"), [(1e6, False), (1.5e12, False), (999_999, True)])
def test_a_cost_that_cannot_be_is_told_and_not_counted(alpha, sender, cost, known):
    digest(sender, make_span("t", "a", **UNKNOWN, **USED, cost_usd=cost))

    [span] = sender.get("/api/v1/spans").json()["results"]
    assert span["warnings"] == ([] if known else ["implausible_cost"])
    assert (span["cost_usd"], counted()) == ((cost, 0) if known else (None, 1))
    warned = IngestCounter.objects.filter(fate="warned", detail="implausible_cost")
    assert sum(warned.values_list("n", flat=True)) == (0 if known else 1)


def test_a_listed_price_stands_in_for_a_cost_that_cannot_be(sender):
    digest(sender, make_span("t", "a", **KNOWN, **USED, cost_usd=3_500_000))  # nano-dollars

    [span] = sender.get("/api/v1/spans").json()["results"]
    assert (span["cost_usd"], span["cost_source"]) == (0.0035, "computed")


def send_three_kinds(sender):
    """A session whose cost nobody knows, one of which a part is known, and one that is known."""
    known = {**KNOWN, **USED, "cost_usd": 1.2}
    digest(
        sender,
        make_span("t1", "a", **{**UNKNOWN, **USED, "session_id": "none"}),
        make_span("t2", "b", **{**UNKNOWN, **USED, "session_id": "some"}),
        make_span("t2", "c", **{**known, "session_id": "some"}),
        make_span("t3", "d", **{**known, "session_id": "all"}),
    )


def test_what_is_unknown_is_null_and_counted_in_answers(sender):
    send_three_kinds(sender)

    def read(path, key):
        rows = sender.get(f"/api/v1/{path}").json()["results"]
        return {row[key]: (row["cost_usd"], row["unpriced_calls"]) for row in rows}

    assert read("sessions", "id") == {"none": (None, 1), "some": (1.2, 1), "all": (1.2, 0)}
    assert read("traces", "trace_id") == {"t1": (None, 1), "t2": (1.2, 1), "t3": (1.2, 0)}
    totals = sender.get("/api/v1/totals").json()
    assert (totals["cost_usd"], totals["unpriced_calls"]) == (2.4, 2)


def test_series_have_no_cost_where_none_is_known(sender):
    send_three_kinds(sender)

    def read(metric):
        found = sender.get(f"/api/v1/series?metric={metric}&group_by=model&range=1h").json()
        sums = {group: set() for group in found["groups"]}
        for bucket in found["buckets"]:
            for group, value in bucket["values"].items():
                sums[group].add(value)
        return sums

    assert {*read("cost")["my-llama"]} - {0} == {None}
    assert {*read("cost")["gpt-4o"]} - {0} == {2.4}
    assert {*read("unpriced_calls")["my-llama"]} - {0} == {2}


def test_nobody_knows_that_it_cost_no_more(sender):
    send_three_kinds(sender)

    def find(query):
        rows = sender.get(f"/api/v1/sessions?{query}").json()["results"]
        return {row["id"] for row in rows}

    assert find("cost_lte=2") == {"all"}
    assert find("cost_gte=1") == {"some", "all"}


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/p/alpha/", ["≥ $2.40", "+ 2 unpriced calls"]),
        ("/p/alpha/sessions/", ["≥ $1.20", "the cost of 1 call is unknown", ">–<", ">$1.20<"]),
        ("/p/alpha/sessions/none/", ["the cost of 1 call is unknown"]),
        ("/p/alpha/sessions/some/", ["≥ $1.20", "the cost of 1 call is unknown"]),
        (
            "/p/alpha/sessions/some/?view=details",
            ["$1.200000, and the cost of 1 call is unknown"],
        ),
        ("/p/alpha/traces/", ["≥ $1.20", ">–<", ">$1.20<"]),
        ("/p/alpha/traces/t1/", ["</svg>cost unknown", "its model has no price"]),
        ("/p/alpha/settings/prices/", ['title="the cost of 2 calls is unknown">–<']),
    ],
)
def test_pages_say_what_is_unknown(sender, client, alice, path, texts):
    send_three_kinds(sender)
    client.force_login(alice)

    page = client.get(path).content.decode()

    assert [text for text in texts if text not in page] == []
    assert ">$0</td>" not in page.replace('<td class="num">$0</td>', "", 7 * 24)


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

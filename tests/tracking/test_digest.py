"""Events digested through the real door: repeats, replacement, inheritance, wrappers, moves."""

import datetime

import pytest
from django.utils import timezone

from tests.flows import (
    digest,
    digest_all,
    make_sender,
    make_span,
    send_events,
    status_of,
)
from tracking.corrections import apply_deltas
from tracking.draining import drain
from tracking.event_rows import load_facts
from tracking.models import (
    ArmSeen,
    Event,
    EventClock,
    InboxBatch,
    Quarantined,
    Session,
    Trace,
    UsageRollup,
)

pytestmark = pytest.mark.usefixtures("no_drift")
START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=2)


def ledger_of(project):
    status = status_of(project)
    return (
        status.stored_events,
        status.duplicate_events,
        status.rejected_events,
        status.quarantined,
    )


def span(name, **data):
    return make_span(data.pop("trace", "t"), name, start=data.pop("start", START), **data)


def test_points_of_no_trace_are_digested_together_with_spans(alpha, sender, caplog):
    digest(sender, span("a", session_id="s"), {"type": "deployed", "data": {"release": "1.2"}})

    assert ledger_of(alpha) == (2, 0, 0, 0)
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


def test_it_counts_a_span_sent_twice_once(alpha, sender):
    event = span("a", session_id="s", kind="llm", tokens={"input": 5, "output": 2})

    digest(sender, event, event)
    digest(sender, event)

    assert ledger_of(alpha) == (1, 2, 0, 0)
    assert Session.objects.get().tokens_in == 5


def test_it_replaces_a_span_by_the_one_that_ended_later(sender):
    early = span("a", session_id="s", kind="llm", seconds=1, tokens={"input": 5})
    late = span("a", session_id="s", kind="llm", seconds=2, tokens={"input": 7})

    digest(sender, late)
    digest(sender, early)

    assert Session.objects.get().tokens_in == 7


def test_it_replaces_by_a_delta(alpha, sender):
    digest(sender, span("a", session_id="s", kind="llm", tokens={"input": 5}), span("b"))
    digest(sender, span("a", session_id="s2", kind="llm", seconds=2, tokens={"input": 7}))

    assert ledger_of(alpha) == (2, 1, 0, 0)
    assert list(Session.objects.values_list("session_id", "tokens_in")) == [("s2", 7)]
    assert Event.objects.get(name="a").session_own == "s2"


def test_what_is_sent_again_beside_new_events_costs_these_nothing(alpha, sender):
    names = ["a", "b", "c", "d", "e"]
    first, second, third = names[:2], names[1:4], names[3:]

    for batch in (first, second, third, third, first):
        digest(sender, *(span(name, session_id="s", tokens={"input": 1}) for name in batch))

    assert sorted(Event.objects.values_list("name", flat=True)) == names
    assert ledger_of(alpha) == (5, 6, 0, 0)
    assert Session.objects.get().tokens_in == 5


def test_it_tells_a_span_sent_again_from_one_with_another_start(alpha, sender):
    first = span("a", session_id="s")
    other = span("a", session_id="s", start=START + datetime.timedelta(seconds=9))

    digest(sender, first)
    digest(sender, first, other)

    assert ledger_of(alpha) == (2, 1, 0, 0)
    assert Session.objects.get().n_spans == 2


def test_it_replaces_no_other_start_of_a_span(sender):
    later = START + datetime.timedelta(seconds=9)
    digest(sender, span("a", tokens={"input": 1}), span("a", start=later, tokens={"input": 2}))
    loser = span("a", seconds=0.5, tokens={"input": 30})
    winner = span("a", start=later, seconds=5, tokens={"input": 40})

    digest(sender, loser, winner)

    assert sorted(Event.objects.values_list("tokens_in", flat=True)) == [1, 40]


def test_an_item_with_its_own_id_may_be_told_again_in_another_trace(alpha, sender):
    digest(sender, {"id": "x", **span("a", trace="t1", session_id="s1")})
    digest(sender, {"id": "x", **span("a", trace="t2", session_id="s2", seconds=3)})

    assert ledger_of(alpha) == (1, 1, 0, 0)
    assert list(Session.objects.values_list("session_id", flat=True)) == ["s2"]


def test_an_item_without_a_time_keeps_that_of_its_first_receipt(alpha, sender):
    event = {"type": "note", "data": {"text": "x"}}

    digest(sender, event)
    digest(sender, event)

    assert ledger_of(alpha) == (1, 1, 0, 0)
    assert EventClock.objects.get().occurred_at == Event.objects.get().occurred_at


def test_equal_items_of_one_request_are_several(alpha, sender):
    event = {"type": "note", "timestamp": START.isoformat(), "data": {}}

    digest(sender, event, event)
    digest(sender, event, event)

    assert ledger_of(alpha) == (2, 2, 0, 0)


def test_children_inherit_the_session_and_user_of_a_parent_that_comes_late(sender):
    digest(sender, span("b", parent_span_id="a", kind="llm", tokens={"input": 3}))
    assert Session.objects.get().is_implicit is True

    digest(sender, span("a", session_id="s", user_id="ada"))

    session = Session.objects.get()
    assert (session.session_id, session.is_implicit, session.user_id) == ("s", False, "ada")
    assert (session.n_spans, session.tokens_in, session.n_traces) == (2, 3, 1)


def test_a_late_child_inherits_the_session_of_its_trace(sender):
    digest(sender, span("a", session_id="s", user_id="ada"))
    digest(sender, span("b", parent_span_id="a"))

    assert Session.objects.get().n_spans == 2


def test_a_span_of_another_session_keeps_its_own(sender):
    digest(sender, span("a", session_id="s"), span("b", parent_span_id="a", session_id="own"))
    digest(sender, span("c", parent_span_id="b"))

    counts = dict(Session.objects.values_list("session_id", "n_spans"))
    assert counts == {"s": 2, "own": 1}


def test_the_first_call_takes_back_the_tokens_of_its_wrapper(sender):
    digest(sender, span("a", session_id="s", kind="agent", tokens={"input": 100, "output": 10}))
    assert Session.objects.get().tokens_in == 100

    digest(sender, span("b", parent_span_id="a", kind="llm", tokens={"input": 60, "output": 6}))

    session, trace = Session.objects.get(), Trace.objects.get()
    assert (session.tokens_in, session.tokens_out) == (60, 6)
    assert (trace.tokens_in, trace.tokens_out) == (60, 6)
    total = sum(UsageRollup.objects.filter(family=0).values_list("tokens_in", flat=True))
    assert total == 60


def test_only_the_outermost_wrapper_counts(sender):
    digest(sender, span("b", parent_span_id="a", kind="chain", tokens={"input": 40}))
    digest(sender, span("a", kind="agent", tokens={"input": 100}))

    assert Trace.objects.get().tokens_in == 100


def test_it_tells_errors_of_roots_from_those_below(sender):
    digest(
        sender,
        span("a", session_id="s", status="error"),
        span("b", session_id="s", parent_span_id="a", status="error", kind="tool"),
    )

    session = Session.objects.get()
    assert (session.n_errors, session.n_root_errors, session.n_tool_errors) == (2, 1, 1)
    assert Trace.objects.get().root_status == 2


def test_arms_are_of_the_session_that_the_trace_belongs_to(sender):
    arm = {"assay.experiment": "tone", "assay.variant": "warm"}
    digest(sender, span("b", parent_span_id="a", attributes=arm))
    digest(sender, span("a", session_id="s"))

    seen = ArmSeen.objects.get()
    assert (seen.experiment, seen.variant, seen.n) == ("tone", "warm", 1)
    assert (seen.unit_kind, seen.unit_id, seen.session_id) == ("session", "s", "s")


def test_arms_of_a_run_are_the_runs(sender):
    data = {"experimentId": "tone", "variantId": "warm", "runId": "r1"}
    at = START.isoformat()
    digest(sender, {"type": "variant.start", "timestamp": at, "data": data})

    seen = ArmSeen.objects.get()
    assert (seen.unit_kind, seen.unit_id) == ("run", "r1")


def test_projects_share_nothing(alpha, beta, sender):
    digest(sender, span("a", session_id="s"))
    send_events(make_sender(beta), [span("a", session_id="s"), span("b", session_id="s")])
    digest_all()

    counts = dict(Session.objects.values_list("project_id", "n_spans"))
    assert counts == {alpha.pk: 1, beta.pk: 2}


def test_an_event_deleted_while_it_is_sent_again_is_stored_by_the_next_try(
    alpha, sender, monkeypatch
):
    digest(sender, span("a"))

    def delete_and_load(cursor, project_id, keys, *, lock=False):
        apply_deltas(project_id, retract=keys, now=timezone.now())
        return load_facts(cursor, project_id, keys, lock=lock)

    monkeypatch.setattr("tracking.digest.load_facts", delete_and_load)
    send_events(sender, [span("a"), span("b")])
    drain(slot=0)
    assert (InboxBatch.objects.count(), Quarantined.objects.count()) == (1, 0)

    monkeypatch.undo()
    InboxBatch.objects.update(lease_until=timezone.now())
    digest_all()
    assert sorted(Event.objects.values_list("name", flat=True)) == ["a", "b"]

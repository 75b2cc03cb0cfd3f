import datetime

import msgspec
import pytest
from django.utils import timezone

from tests.flows import (
    digest_all,
    drift_of,
    forget_process_caches,
    make_sender,
    make_span,
    send_events,
)
from tracking.corrections import apply_deltas
from tracking.event_rows import load_facts
from tracking.models import Event, Session, Trace, UsageRollup
from tracking.staging import open_cursor, unix_us

pytestmark = pytest.mark.usefixtures("pipeline")
START = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=2)


@pytest.fixture
def filled(alpha):
    call = {"kind": "llm", "tokens": {"input": 5}, "metadata": {"a": "b"}}
    late = START + datetime.timedelta(seconds=30)
    spans = [
        make_span("t1", "root", start=START, kind="agent", session_id="s", tokens={"input": 9}),
        make_span("t1", "call", start=late, parent_span_id="root", **call),
        make_span("t2", "other", start=START, session_id="s", user_id="ada", **call),
    ]
    send_events(make_sender(alpha), spans)
    digest_all()
    return alpha


def key_of(name):
    event = Event.objects.get(name=name)
    return unix_us(event.occurred_at), event.id.bytes


def fact_of(project, name, **changes):
    with open_cursor() as cursor:
        fact = load_facts(cursor, project.pk, [key_of(name)])[0]
    return msgspec.structs.replace(fact, event=msgspec.structs.replace(fact.event, **changes))


def correct(project, **changes):
    return apply_deltas(project.pk, now=timezone.now(), **changes)


def test_an_event_taken_back_counts_no_more(filled):
    assert correct(filled, retract=[key_of("other")]) == 1

    session = Session.objects.get()
    assert (session.n_spans, session.n_traces, session.user_id) == (2, 1, "")
    assert Trace.objects.count() == 1
    assert drift_of(filled.pk) == []


def test_a_wrapper_counts_again_without_its_call(filled):
    assert Trace.objects.get(trace_id="t1").tokens_in == 5

    correct(filled, retract=[key_of("call")])

    trace = Trace.objects.get(trace_id="t1")
    assert (trace.tokens_in, trace.n_calls) == (9, 0)
    assert trace.last_at == START + datetime.timedelta(seconds=1)
    assert drift_of(filled.pk) == []


def test_the_session_of_a_trace_goes_with_the_span_that_named_it(filled):
    correct(filled, retract=[key_of("root")])

    counts = dict(Session.objects.values_list("session_id", "is_implicit"))
    assert counts == {"s": False, "trace:t1": True}
    assert drift_of(filled.pk) == []


def test_a_replaced_event_counts_as_it_is_now(filled):
    assert correct(filled, replace=[fact_of(filled, "call", tokens_in=50, model="m2")]) == 1

    assert Session.objects.get().tokens_in == 55
    assert UsageRollup.objects.filter(family=1, key_b="m2", tokens_in=50).exists()
    assert drift_of(filled.pk) == []


def test_nothing_is_left_when_all_is_taken_back(filled):
    correct(filled, retract=[key_of(name) for name in ("root", "call", "other")])

    assert (Event.objects.filter(project_id=filled.pk).count(), Session.objects.count()) == (0, 0)
    assert drift_of(filled.pk) == []


def test_what_is_not_stored_is_passed_over(filled):
    gone, at = fact_of(filled, "other"), key_of("other")
    correct(filled, retract=[at])

    assert correct(filled, retract=[at], replace=[gone]) == 0
    assert drift_of(filled.pk) == []


def test_what_was_taken_back_may_be_sent_again(filled):
    correct(filled, retract=[key_of("other")])

    send_events(make_sender(filled), [make_span("t2", "other", start=START, session_id="s")])
    digest_all()

    assert Session.objects.get().n_spans == 3
    assert drift_of(filled.pk) == []


def test_what_is_taken_back_leaves_the_sums_of_its_own_names(alpha):
    """A process that never met these names must take them away under them, not as "(other)"."""
    named = {"kind": "llm", "model": "m1", "environment": "staging", "tokens": {"input": 5}}
    send_events(make_sender(alpha), [make_span("t", "call", start=START, **named)])
    digest_all()
    forget_process_caches()

    correct(alpha, retract=[key_of("call")])

    assert drift_of(alpha.pk) == []


def test_a_span_sent_again_leaves_the_sums_of_its_old_names(alpha):
    sender = make_sender(alpha)
    for model, seconds in (("m1", 1), ("m2", 2)):
        call = {"kind": "llm", "model": model, "tokens": {"input": 5}}
        send_events(sender, [make_span("t", "call", start=START, seconds=seconds, **call)])
        digest_all()

    assert UsageRollup.objects.filter(family=1, key_b="m1", n=0).exists()
    assert drift_of(alpha.pk) == []


def test_a_wrapper_is_taken_back_from_the_sums_of_its_own_names(alpha):
    sender = make_sender(alpha)
    wrapper = make_span("t", "w", start=START, kind="agent", model="m1", tokens={"input": 9})
    call = make_span("t", "c", start=START, parent_span_id="w", kind="llm", model="m2")
    for span in (wrapper, call):
        send_events(sender, [span])
        digest_all()

    assert drift_of(alpha.pk) == []

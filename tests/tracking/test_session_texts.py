import datetime
import random

import pytest
from django.db import connection
from django.utils import timezone

from tests.flows import make_span, send_events
from tests.tracking.streams import make_stream, shuffled_batches
from tracking import session_texts
from tracking.draining import drain
from tracking.models import (
    Event,
    InboxBatch,
    Session,
    SessionNews,
    SessionText,
    SessionToRefresh,
)
from tracking.session_texts import lease_due, refresh_due_sessions, refresh_leased

pytestmark = pytest.mark.usefixtures("pipeline")
SECOND = datetime.timedelta(seconds=1)
MINUTE = datetime.timedelta(minutes=1)


def digest(sender, *events):
    send_events(sender, list(events))
    drain(slot=0)


def call(name="a", **data):
    return make_span("t", name, session_id="s", kind="llm", **data)


def test_it_gathers_the_facets_of_a_session(sender):
    data = {
        "provider": "openai",
        "model": "gpt-4o",
        "environment": "live",
        "tags": ["vip"],
        "prompt": "answer",
        "prompt_version": "2",
        "metadata": {"plan": "pro"},
        "status": "error",
        "error_type": "Timeout",
        "attributes": {"assay.experiment": "tone", "assay.variant": "warm"},
    }
    digest(sender, call(**data))

    refresh_due_sessions(now=timezone.now() + MINUTE)

    assert SessionText.objects.get().facets == [
        "arm:tone=warm",
        "env:live",
        "error:Timeout",
        "kind:llm",
        "meta:plan=pro",
        "model:gpt-4o",
        "prompt:answer",
        "prompt:answer@2",
        "provider:openai",
        "tag:vip",
    ]


def test_it_shows_the_first_question_and_the_last_answer(sender):
    later = timezone.now() - 30 * MINUTE
    digest(
        sender,
        call(input="first?", output="one"),
        call("b", start=later, input="second?", output="two"),
    )

    refresh_due_sessions(now=timezone.now() + MINUTE)

    text = SessionText.objects.get()
    assert (text.first_input, text.last_output) == ("first?", "two")


def test_it_waits_a_moment_for_the_rest_of_a_burst(sender):
    before = timezone.now()
    digest(sender, call())
    after = timezone.now()

    assert refresh_due_sessions(now=before) == 0
    assert refresh_due_sessions(now=before + SECOND) == 0
    assert refresh_due_sessions(now=after + 2 * SECOND) == 1


def test_it_ends_between_two_leases_when_its_worker_is_to_stop(sender, monkeypatch):
    monkeypatch.setattr(session_texts, "SESSIONS_AT_ONCE", 1)
    digest(sender, *(make_span(name, name, session_id=name) for name in "ab"))
    later = timezone.now() + MINUTE
    asked = iter([False, True])

    assert refresh_due_sessions(now=later, stop=lambda: next(asked)) == 1
    assert refresh_due_sessions(now=later) == 1


def test_it_refreshes_a_session_at_most_once_in_ten_seconds(sender):
    now = timezone.now() + MINUTE
    digest(sender, call(input="first?"))
    refresh_due_sessions(now=now)
    digest(sender, call("b", output="late"))

    refresh_due_sessions(now=now + 9 * SECOND)
    assert SessionText.objects.get().last_output == ""

    refresh_due_sessions(now=now + 11 * SECOND)
    assert SessionText.objects.get().last_output == "late"
    assert SessionToRefresh.objects.count() == 0


def test_events_that_come_during_a_refresh_are_not_missed(sender):
    now = timezone.now() + MINUTE
    digest(sender, call(input="first?"))
    leased = lease_due(now)
    digest(sender, call("b", output="late"))
    refresh_leased(leased, now)

    assert SessionToRefresh.objects.get().due_at < now


def test_a_session_that_cannot_be_refreshed_holds_up_no_other(sender):
    for name in "abc":
        digest(sender, make_span(f"t-{name}", "x", session_id=name, input=name))
    with connection.cursor() as cursor:
        cursor.execute(
            "ALTER TABLE tracking_sessiontext ADD CONSTRAINT no_b CHECK (session_id <> 'b')"
        )

    refresh_due_sessions(now=timezone.now() + MINUTE)

    assert set(SessionText.objects.values_list("session_id", flat=True)) == {"a", "c"}
    assert SessionToRefresh.objects.count() == 0


def texts():
    names = ["session_id", "facets", "first_input", "first_rank", "last_output", "last_rank"]
    return list(SessionText.objects.order_by("session_id").values(*names))


def tell_all_anew(now):
    for session in Session.objects.all():
        waiting = {"due_at": now, "is_whole": True}
        SessionToRefresh.objects.create(
            project_id=session.project_id, session_id=session.session_id, **waiting
        )
    refresh_due_sessions(now=now)


@pytest.mark.parametrize("seed", range(6))
def test_what_digests_tell_adds_up_to_what_all_events_tell(sender, seed):
    rng, now = random.Random(seed), timezone.now() + MINUTE
    events = make_stream(seed, n_traces=3)
    if seed % 2:  # without ties, most sessions only grow
        for event in events:
            event["data"].pop("prompt", None)
    for batch in shuffled_batches(seed, events):
        digest(sender, *batch)
        if rng.random() < 0.6:
            now += MINUTE
            refresh_due_sessions(now=now)
    refresh_due_sessions(now=now + MINUTE)
    told = texts()

    tell_all_anew(now + 2 * MINUTE)

    assert len(told) > 1
    assert texts() == told
    assert SessionNews.objects.count() == 0


def test_a_session_that_grows_is_told_by_its_news_alone(sender):
    now = timezone.now() + MINUTE
    digest(sender, call(input="first?", output="one", model="gpt-4o", environment="live"))
    refresh_due_sessions(now=now)
    SessionText.objects.update(facets=["kept:as it was"])
    earlier = timezone.now() - 3 * datetime.timedelta(hours=1)
    digest(sender, call("b", start=earlier, input="before?", output="zero", tags=["vip"]))

    refresh_due_sessions(now=now + MINUTE)

    text = SessionText.objects.get()
    assert (text.first_input, text.last_output) == ("before?", "one")
    assert text.facets == ["kept:as it was", "kind:llm", "tag:vip"]


def test_a_session_told_before_there_were_news_is_told_anew(sender):
    digest(sender, call(input="first?", model="gpt-4o"))
    refresh_due_sessions(now=timezone.now() + MINUTE)
    SessionText.objects.update(facets=["old"], first_rank=None, last_rank=None)
    digest(sender, call("b", output="late"))

    refresh_due_sessions(now=timezone.now() + 2 * MINUTE)

    text = SessionText.objects.get()
    assert (text.first_input, text.last_output) == ("first?", "late")
    assert text.facets == ["kind:llm", "model:gpt-4o"]


def test_words_older_than_the_horizon_are_not_kept(alpha, sender):
    now = timezone.now()
    digest(sender, call(start=now - 30 * MINUTE, input="old?", output="old"))
    refresh_due_sessions(now=now + MINUTE)
    alpha.events_from = now - 20 * MINUTE
    alpha.save()
    Event.objects.all().delete()
    digest(sender, call("b", start=now - 10 * MINUTE, input="new?", output="new"))

    refresh_due_sessions(now=now + 2 * MINUTE)

    text = SessionText.objects.get()
    assert (text.first_input, text.last_output) == ("new?", "new")


@pytest.mark.parametrize("number", [1.5, 1e2, 1e22, 1e-7, -0.0, 10**30])
def test_numbers_are_told_as_the_database_writes_them(sender, number):
    digest(sender, call(metadata={"n": number}))
    refresh_due_sessions(now=timezone.now() + MINUTE)
    told = texts()

    tell_all_anew(timezone.now() + 2 * MINUTE)

    assert texts() == told


def test_an_emptied_session_loses_its_text(sender):
    digest(sender, make_span("t", "child", parent_span_id="root", input="x"))
    refresh_due_sessions(now=timezone.now() + MINUTE)
    assert SessionText.objects.get().session_id == "trace:t"

    digest(sender, make_span("t", "root", session_id="s"))
    refresh_due_sessions(now=timezone.now() + MINUTE)

    assert SessionText.objects.get().session_id == "s"


def test_it_lets_spans_that_wait_go_first_for_a_while(sender):
    digest(sender, call())
    send_events(sender, [call("b")])

    assert refresh_due_sessions(now=timezone.now() + 5 * SECOND) == 0
    assert refresh_due_sessions(now=timezone.now() + 30 * SECOND) == 1


def test_spans_that_failed_before_hold_up_no_text(sender):
    digest(sender, call())
    send_events(sender, [call("b")])
    InboxBatch.objects.update(attempts=3)

    assert refresh_due_sessions(now=timezone.now() + 5 * SECOND) == 1


def test_what_was_put_off_holds_up_no_text(sender):
    digest(sender, call())
    send_events(sender, [call("b")])
    InboxBatch.objects.update(lease_until=timezone.now() + MINUTE)

    assert refresh_due_sessions(now=timezone.now() + 5 * SECOND) == 1

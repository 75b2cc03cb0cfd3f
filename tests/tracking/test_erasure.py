"""A user or a session erased: the whole database is searched for them afterwards."""

import datetime
import json

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from core.jobs import work_on_jobs
from core.models import AuditEntry, Job
from tests.flows import (
    digest_all,
    drift_of,
    make_sender,
    make_span,
    send_events,
    send_scores,
    status_of,
)
from tests.tracking.adapters.logs_building import make_logs, make_record
from tests.tracking.erased_life import SAID, START, USER, call, erase, make_life, names_left
from tests.tracking.everything import find_anywhere
from tracking import changes, corrections, erasing, erasure, erasure_steps, traces
from tracking.erasure import count_waiting, lift_tombstone, start_erasure
from tracking.models import (
    ErasedSubject,
    Event,
    InboxBatch,
    Quarantined,
    Session,
    SessionText,
    Trace,
)
from tracking.retention import start_retention

pytestmark = pytest.mark.usefixtures("pipeline")


@pytest.fixture
def life(alpha, sender):
    send_events(sender, make_life())
    digest_all()
    return alpha


def test_a_user_is_erased_everywhere(life):
    assert find_anywhere(SAID) != []

    record = erase(life)

    assert find_anywhere(SAID) == []
    assert find_anywhere(USER) == []
    assert names_left() == ["his", "mixed"]
    assert record.counts["events"] == 5
    assert record.erased_at is not None
    assert drift_of(life.pk) == []


def test_what_others_said_stays_and_is_told_anew(life):
    erase(life)

    assert sorted(Session.objects.values_list("session_id", "n_spans")) == [
        ("bobs", 1),
        ("shared", 1),
    ]
    assert dict(SessionText.objects.values_list("session_id", "first_input")) == {
        "bobs": "Kathmandu",
        "shared": "of bob",
    }


def test_a_session_is_erased_everywhere(life):
    erase(life, "shared", "session")

    assert names_left() == ["call", "his", "later", "root"]
    assert find_anywhere("of bob") == find_anywhere("shared") == []
    assert drift_of(life.pk) == []


def test_an_implicit_session_is_erased_too(alpha, sender):
    spans = [call("lone", "a", input=SAID), call("lone", "b", session_id="s", input="kept")]
    send_events(sender, [*spans, call("solo", "c", input=SAID)])
    digest_all()

    erase(alpha, "trace:solo", "session")

    assert names_left() == ["a", "b"]
    send_events(sender, [call("solo", "again", input=SAID)])
    digest_all()
    assert names_left() == ["a", "b"]
    assert drift_of(alpha.pk) == []


def test_nothing_is_revived_by_sending_it_again(life, sender):
    erase(life)
    sent_before = status_of(life).stored_events

    send_events(sender, make_life())
    send_events(sender, [call("a1", "late child", input=SAID)])
    digest_all()

    status = status_of(life)
    assert find_anywhere(SAID) == []
    assert (status.stored_events - sent_before, status.rejected_events) == (0, 6)
    assert drift_of(life.pk) == []


def test_what_waited_in_the_inbox_is_refused(alpha, sender):
    send_events(sender, make_life())

    record = start_erasure(alpha, "user", USER)
    assert count_waiting(alpha.pk, [record])[record.pk] == 1
    work_on_jobs(seconds=60)
    digest_all()

    assert count_waiting(alpha.pk, [record])[record.pk] == 0
    assert find_anywhere(SAID) == []
    assert status_of(alpha).rejected_events == 5


def test_scores_of_the_user_and_on_their_sessions_go(life, api):
    scores = [
        {"session_id": f"s-{USER}", "name": "n", "value": 1, "comment": SAID},
        {"user_id": USER, "name": "n", "value": 1, "comment": SAID},
        {"session_id": "bobs", "user_id": USER, "name": "n", "value": 1, "comment": SAID},
        {"session_id": "bobs", "name": "n", "value": 1, "comment": "fine"},
    ]
    api.post("/api/v1/scores", scores, content_type="application/json")
    digest_all()

    erase(life)
    api.post("/api/v1/scores", scores, content_type="application/json")
    digest_all()

    assert find_anywhere(SAID) == find_anywhere(USER) == []
    assert Event.objects.filter(operation="score").count() == 1
    assert drift_of(life.pk) == []


def test_quarantined_items_of_the_user_go(life):
    bodies = [
        json.dumps({"type": "x", "data": {"userId": USER, "text": SAID}}).encode(),
        json.dumps({"type": "x", "data": {"userId": "bob", "role": USER}}).encode(),
    ]
    for body in bodies:
        Quarantined.objects.create(
            project_id=life.pk,
            format="analytics",
            body=body,
            horizon_us=0,
            reason="r",
            received_at=START,
            quarantined_at=START,
        )

    erase(life)

    assert bytes(Quarantined.objects.get().body) == bodies[1]


def test_quarantined_logs_and_what_headers_name_go_too(life):
    naming = make_record("x", {"user.id": USER, "said": SAID})
    kept = make_logs(make_record("x", {"user.id": "bob"})).SerializeToString()
    for wire_format, body, headers in (
        ("otlp-logs-protobuf", make_logs(naming).SerializeToString(), {}),
        ("otlp-logs-protobuf", kept, {"x-session-id": "bobs"}),
        ("otlp-json", SAID.encode(), {"x-fallom-customer-id": USER}),
    ):
        Quarantined.objects.create(
            project_id=life.pk,
            format=wire_format,
            body=body,
            headers=headers,
            horizon_us=0,
            reason="r",
            received_at=START,
            quarantined_at=START,
        )

    erase(life)

    assert bytes(Quarantined.objects.get().body) == kept


def test_sums_that_outlive_their_events_go_too(alpha, sender):
    old = timezone.now() - datetime.timedelta(days=40)
    hers, his = {"user_id": USER, "session_id": f"s-{USER}"}, {"session_id": "bobs"}
    events = [
        make_span("old", "a", start=old, **hers),
        make_span("old-b", "b", start=old, **his),
        call("straddling", "c", **hers),
        make_span("straddling", "d", start=old, **hers),
    ]
    send_events(sender, events)
    digest_all()
    alpha.retention_days = 30
    alpha.save()
    start_retention()
    work_on_jobs(seconds=60)
    assert Trace.objects.count() == 3

    erase(alpha)

    assert find_anywhere(USER) == []
    assert list(Session.objects.values_list("session_id", flat=True)) == ["bobs"]
    assert list(Trace.objects.values_list("trace_id", flat=True)) == ["old-b"]
    assert drift_of(alpha.pk) == []


def test_other_projects_keep_theirs(life, beta):
    send_events(make_sender(beta), make_life())
    digest_all()

    erase(life)
    send_events(make_sender(beta), [call("z", "more", user_id=USER)])
    digest_all()

    assert Event.objects.filter(project_id=beta.pk).count() == 8
    assert drift_of(beta.pk) == []


def test_the_audit_record_holds_the_hash_alone(life, alice):
    record = start_erasure(life, "user", USER, actor=alice)
    work_on_jobs(seconds=60)

    entries = AuditEntry.objects.filter(action__startswith="data.").order_by("pk")
    assert [(e.action, e.target, e.actor_label) for e in entries] == [
        ("data.erase", record.reference, "alice"),
        ("data.erased", record.reference, "alice"),
    ]


def test_a_lifted_tombstone_lets_the_user_in_again(life, sender, alice):
    lift_tombstone(life, erase(life), actor=alice)

    send_events(sender, [call("new", "back", user_id=USER)])
    digest_all()

    assert names_left() == ["back", "his", "mixed"]
    assert not ErasedSubject.objects.exists()


def test_steps_are_short_however_much_an_hour_or_a_user_holds(alpha, sender, monkeypatch):
    """Parts in others' traces, traces claimed in others' sessions, points of no trace."""
    for name in ("TRACES_AT_ONCE", "EVENTS_AT_ONCE"):
        monkeypatch.setattr(erasure_steps, name, 3)
    at_once = []

    def erase_noting(writing, subject, trace_ids):
        at_once.append(len(trace_ids))
        return erasing.erase_traces(writing, subject, trace_ids)

    monkeypatch.setattr(erasure_steps, "erase_traces", erase_noting)
    for n in range(8):
        root, part = call(f"b{n}", "his", user_id="bob"), call(f"b{n}", "hers", user_id=USER)
        claimed = call(f"c{n}", "claimed", session_id="shared", user_id=USER)
        said = {"type": "x", "timestamp": START.isoformat(), "data": {"userId": USER, "n": n}}
        send_events(sender, [root, {**part, "data": {**part["data"], "parent_span_id": "his"}}])
        send_events(sender, [claimed, said])
    digest_all()

    record = erase(alpha)

    assert record.counts["events"] == 24
    assert names_left() == ["his"] * 8
    assert find_anywhere(USER) == []
    assert max(at_once) == 3
    assert drift_of(alpha.pk) == []


def test_a_step_locks_all_its_traces_before_it_takes_anything_away(life, sender, monkeypatch):
    for trace in ("b3", "a2", "a1", "b1"):
        send_scores(sender, {"trace_id": trace, "name": "n", "value": 1})
    send_scores(sender, {"user_id": USER, "name": "n", "value": 1})
    digest_all()
    start_erasure(life, "user", USER)
    job, is_done = Job.objects.get(), False
    held: set[str] = set()
    late: list[str] = []
    taken: list[int] = []

    def lock_first(lock):
        def wrapped(cursor, project_id, ids):
            if taken:
                late.extend(set(ids) - held)
            held.update(ids)
            return lock(cursor, project_id, ids)

        return wrapped

    def apply(*args, **options):
        taken.append(1)
        return changes.apply_changes(*args, **options)

    monkeypatch.setattr(erasing, "lock_stored", lock_first(traces.lock_stored))
    monkeypatch.setattr(corrections, "lock_traces", lock_first(traces.lock_traces))
    monkeypatch.setattr(corrections, "apply_changes", apply)
    while not is_done:
        held.clear()
        taken.clear()
        with transaction.atomic():
            is_done = erasure.do_step(job)

    assert late == []
    assert find_anywhere(USER) == []
    assert drift_of(life.pk) == []


def test_the_command_erases_and_says_what(life, capsys):
    call_command("erase", "--project", "alpha", "--user", USER)

    assert find_anywhere(USER) == []
    assert "5 events" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--project", "nope", "--user", "u"], "no project 'nope'"),
        (["--project", "alpha"], "--user or --session"),
        (["--project", "alpha", "--user", ""], "empty"),
    ],
)
def test_the_command_says_what_is_wrong(alpha, options, message):
    with pytest.raises(CommandError, match=message):
        call_command("erase", *options)


def test_the_inbox_is_empty_after_all(life, sender):
    erase(life)
    send_events(sender, make_life())
    digest_all()

    assert InboxBatch.objects.count() == 0

"""What the database or an adapter refuses: isolated, kept with its reason, tried again."""

import datetime
import json

import pytest
from django.db import connection
from django.db.models import Sum
from django.utils import timezone

import tracking.adapters
from tests.flows import digest_all, drift_of, make_sender, make_span, send_events, status_of
from tracking.leases import claim
from tracking.models import Event, InboxBatch, IngestCounter, Quarantined
from tracking.quarantine import retry_quarantined

pytestmark = pytest.mark.usefixtures("pipeline")
ANALYTICS = tracking.adapters.ADAPTERS["analytics"]


def refuse_names(names):
    listed = ", ".join(f"'{name}'" for name in names)
    run_sql(f"ALTER TABLE tracking_event ADD CONSTRAINT no_bad CHECK (name NOT IN ({listed}))")


def accept_names():
    run_sql("ALTER TABLE tracking_event DROP CONSTRAINT no_bad")


def run_sql(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def retry_all(project):
    ids = list(Quarantined.objects.values_list("pk", flat=True))
    return retry_quarantined(project.pk, ids, now=timezone.now())


def closes(status, n_sent):
    return status.digested_events + status.rejected_events + status.quarantined == n_sent


def test_items_that_the_database_refuses_are_bisected_out(alpha, sender):
    refuse_names(["s3", "s11"])

    send_events(sender, [make_span(f"t{n % 4}", f"s{n}", session_id="s") for n in range(16)])
    digest_all()

    status = status_of(alpha)
    assert (status.stored_events, status.quarantined, status.pending_events) == (14, 2, 0)
    assert "no_bad" in Quarantined.objects.first().reason
    assert drift_of(alpha.pk) == []


def test_refused_items_are_stored_once_the_cause_is_gone(alpha, sender):
    refuse_names(["bad"])
    span = make_span("t", "bad", session_id="s", input="kept", tags=["x"], kind="llm")
    send_events(sender, [make_span("t", "good"), span])
    digest_all()
    accept_names()

    assert retry_all(alpha) == 1
    digest_all()

    status = status_of(alpha)
    assert (status.stored_events, status.quarantined) == (2, 0)
    assert closes(status, 2)
    assert not IngestCounter.objects.filter(fate="quarantined").exclude(n=0).exists()
    assert Event.objects.get(name="bad").tags == ["x"]
    assert drift_of(alpha.pk) == []


def test_what_is_refused_again_is_quarantined_again(alpha, sender):
    refuse_names(["bad"])
    send_events(sender, [make_span("t", "bad")])
    digest_all()

    retry_all(alpha)
    digest_all()

    assert status_of(alpha).quarantined == 1
    assert closes(status_of(alpha), 1)


def test_a_row_too_large_for_the_database_is_the_items_own_trouble(alpha, sender):
    raise_54000 = "RAISE EXCEPTION 'row too big' USING ERRCODE = '54000'"
    run_sql(
        "CREATE FUNCTION refuse_bad() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN IF NEW.name = 'bad' THEN {raise_54000}; END IF; RETURN NEW; END $$"
    )
    run_sql(
        "CREATE TRIGGER refuse_bad BEFORE INSERT ON tracking_event"
        " FOR EACH ROW EXECUTE FUNCTION refuse_bad()"
    )

    send_events(sender, [make_span("t", name) for name in ("a", "bad", "b")])
    digest_all()

    status = status_of(alpha)
    assert (status.stored_events, status.quarantined) == (2, 1)


def broken_adapter(monkeypatch, read):
    broken = tracking.adapters.Adapter(ANALYTICS.check, read)
    monkeypatch.setitem(tracking.adapters.ADAPTERS, "analytics", broken)


def fail(body, *, receipt):
    raise ValueError("\ud800 no idea \0")


def test_an_adapter_that_fails_costs_its_request_alone(alpha, beta, sender, monkeypatch):
    send_events(sender, [make_span("t", "a"), make_span("t", "b")])
    broken_adapter(
        monkeypatch,
        lambda body, *, receipt: (fail if b"spoiled" in body else ANALYTICS.read)(
            body, receipt=receipt
        ),
    )
    send_events(sender, [make_span("t", "spoiled"), {"nope": 1}])
    digest_all()

    kept = Quarantined.objects.get()
    assert (kept.n_items, kept.reason) == (2, "adapter_failed: ValueError: \ufffd no idea \ufffd")
    assert status_of(alpha).stored_events == 2
    assert closes(status_of(alpha), 4)

    monkeypatch.undo()
    retry_all(alpha)
    digest_all()
    status = status_of(alpha)
    assert (status.stored_events, status.rejected_events, status.quarantined) == (3, 1, 0)


def test_an_error_that_nobody_foresaw_leaves_other_projects_alone(alpha, beta, sender, monkeypatch):
    broken_adapter(monkeypatch, ANALYTICS.read)
    monkeypatch.setattr(
        "tracking.preparing.cost_of",
        lambda event, book: fail(b"", receipt=None) if event.name == "spoiled" else (None, 0),
    )
    send_events(sender, [make_span("t", "spoiled")])
    send_events(make_sender(beta), [make_span("t", "a")])

    digest_all()

    assert status_of(beta).stored_events == 1
    batch = InboxBatch.objects.get()
    assert batch.project_id == alpha.pk
    assert batch.attempts in {1, 2}  # the second after a second, where the first takes that long
    assert "no idea" in batch.last_error


def lease_again(n_times):
    now = timezone.now()
    for _ in range(n_times):
        now += datetime.timedelta(minutes=2)
        claim(now)
    InboxBatch.objects.update(lease_until=timezone.now())


def test_a_request_that_made_five_workers_die_is_quarantined_unread(alpha, sender):
    send_events(sender, [make_span("t", "a"), make_span("t", "b")])
    lease_again(5)
    send_events(sender, [make_span("t", "c")])

    digest_all()

    kept = Quarantined.objects.get()
    assert (kept.n_items, kept.reason) == (2, "gave_up: 5 attempts failed; ")
    assert len(json.loads(bytes(kept.body))["events"]) == 2
    assert status_of(alpha).stored_events == 1
    assert closes(status_of(alpha), 3)


def test_only_items_of_the_project_are_retried(alpha, beta, sender):
    refuse_names(["bad"])
    send_events(sender, [make_span("t", "bad")])
    digest_all()

    assert retry_all(beta) == 0
    assert Quarantined.objects.count() == 1


def test_what_is_retried_is_no_source_again(alpha, sender, monkeypatch):
    refuse_names(["bad"])
    send_events(sender, [make_span("t", "bad"), make_span("t", "good")])
    digest_all()
    broken_adapter(monkeypatch, fail)
    send_events(sender, [make_span("t", "late")])
    digest_all()
    before = sources()
    accept_names()
    monkeypatch.setitem(tracking.adapters.ADAPTERS, "analytics", ANALYTICS)

    assert retry_all(alpha) == 2
    digest_all()

    assert Quarantined.objects.count() == 0
    assert sources() == before == {("format", "analytics"): 3, ("client", "(not named)"): 2}
    assert drift_of(alpha.pk) == []


def sources():
    rows = IngestCounter.objects.filter(fate__in=["format", "client"])  # of one hour, or two
    counted = rows.values_list("fate", "detail").annotate(sum=Sum("n"))
    return {(fate, detail): n for fate, detail, n in counted}

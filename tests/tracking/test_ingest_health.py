"""Where data comes from, which keys are refused, and what is done about quarantined items."""

import json

import pytest
from django.db.models import Sum
from django.test import Client
from django.utils import timezone

import tracking.adapters
from core import refusals as core_refusals
from core.jobs import work_on_jobs
from core.keys import forget_cached_keys, issue_key, revoke_key
from core.models import ApiKey, AuditEntry
from tests.cast import make_client
from tests.flows import digest_all, make_sender, make_span, send_events, status_of
from tracking import refusals
from tracking.clients import client_of
from tracking.models import InboxBatch, IngestCounter, Quarantined

pytestmark = pytest.mark.usefixtures("pipeline")
PAGE = "/p/alpha/settings/ingestion/"
SETTLE = f"{PAGE}settle/"


@pytest.fixture
def editor(erin):
    return make_client(erin)


@pytest.fixture
def counted(monkeypatch):
    """Count refused requests as a server does, and write when asked to."""
    monkeypatch.setattr(core_refusals, "_counters", [refusals.count_refusal])
    monkeypatch.setattr(refusals.threading, "Timer", SilentTimer)
    refusals.write_refusals()


class SilentTimer:
    def __init__(self, *_):
        self.daemon = False

    def start(self):
        pass


def put(project, reason, n=1, *, body=None):
    now = timezone.now()
    body = json.dumps(make_span("t", "a")).encode() if body is None else body
    return Quarantined.objects.bulk_create(
        Quarantined(
            project_id=project.pk,
            format="analytics",
            body=body,
            horizon_us=0,
            reason=reason,
            received_at=now,
            quarantined_at=now,
        )
        for _ in range(n)
    )


def counts_of(project, fate):
    found = IngestCounter.objects.filter(project_id=project.pk, fate=fate)  # of one hour, or two
    return dict(found.values_list("detail").annotate(sum=Sum("n")).exclude(sum=0))


@pytest.mark.parametrize(
    ("user_agent", "client"),
    [
        ("OTel-OTLP-Exporter-Python/1.38.0", "OTel-OTLP-Exporter-Python 1.38.0"),
        ("python-httpx/0.27.0 (linux)", "python-httpx 0.27.0"),
        ("ai-experiments", "ai-experiments"),
        ("Mozilla/5.0 (X11; Linux x86_64)", "(a browser)"),
        ("", "(not named)"),
        ("<script>alert(1)</script>", "(not named)"),
        ("x" * 500 + "/1", "x" * 60),
    ],
)
def test_it_knows_clients_by_what_they_say(user_agent, client):
    assert client_of(user_agent) == client


def test_it_counts_clients_and_formats(alpha, bob_client):
    sender = make_sender(alpha)
    for agent in ("sdk/1.0", "sdk/1.0", "sdk/2.0", ""):
        send_events(sender, [make_span("t", agent or "z")], **{"user-agent": agent})
    digest_all()

    assert counts_of(alpha, "client") == {"sdk 1.0": 2, "sdk 2.0": 1, "(not named)": 1}
    assert counts_of(alpha, "format") == {"analytics": 4}
    sources = bob_client.get(PAGE).context["sources"]
    first = sources.clients[0]
    hours = (first.busiest, first.last.minute)  # of one hour, or two
    assert (first.name, first.n) == ("sdk 1.0", 2)
    assert hours in {(2, 0), (1, 0)}
    assert [(line.name, sum(line.values)) for line in sources.chart.series] == [("JSON events", 4)]


def test_clients_that_make_up_names_fill_no_table(alpha, monkeypatch):
    monkeypatch.setitem(tracking.dimensions.LIMITS, "client", 2)
    sender = make_sender(alpha)
    for n in range(4):
        send_events(sender, [make_span("t", str(n))], **{"user-agent": f"evil/{n}"})
    digest_all()

    assert counts_of(alpha, "client") == {"evil 0": 1, "evil 1": 1, "(other)": 2}


def test_refused_keys_are_counted_by_prefix_and_reason(alpha, bob_client, counted):
    key, revoked = issue_key(alpha, "Old <b>server</b>", ["ingest"], None)
    revoke_key(key, None)
    _, reader = issue_key(alpha, "Reader", ["read"], None)
    for raw in (revoked, revoked, reader, "ak_unknown"):
        client = Client(headers={"authorization": f"Bearer {raw}"})
        client.post("/api/v1/events", {}, content_type="application/json")

    refusals.write_refusals()

    reading = ApiKey.objects.get(name="Reader").prefix
    assert counts_of(alpha, "refused") == {f"{key.prefix} 401": 2, f"{reading} 403": 1}
    page = bob_client.get(PAGE).content.decode()
    assert "Old &lt;b&gt;server&lt;/b&gt;" in page
    assert "revoked or expired" in page
    assert bob_client.get(PAGE).context["ledger"].sent == 0


def test_a_key_of_an_archived_project_is_refused(alpha, api):
    alpha.archived_at = timezone.now()
    alpha.save()
    forget_cached_keys()

    assert api.post("/api/v1/events", {}, content_type="application/json").status_code == 401


def test_requests_beyond_a_rate_are_counted(alpha, counted):
    key, raw = issue_key(alpha, "slow", ["read"], None)
    ApiKey.objects.filter(pk=key.pk).update(rate_limit=1)
    client = Client(headers={"authorization": f"Bearer {raw}"})
    statuses = [client.get("/api/v1/totals").status_code for _ in range(12)]

    refusals.write_refusals()

    assert counts_of(alpha, "refused") == {f"{key.prefix} 429": statuses.count(429)}
    assert 429 in statuses


def test_quarantine_is_grouped_by_reason_with_samples(alpha, bob_client):
    put(alpha, "refused: <i>one</i>", 2)
    put(alpha, "gave_up: x")

    page = bob_client.get(PAGE)
    chosen = bob_client.get(PAGE, {"reason": "gave_up"})

    assert [(g.code, g.items) for g in page.context["groups"]] == [("refused", 2), ("gave_up", 1)]
    assert "&lt;i&gt;one&lt;/i&gt;" in page.content.decode()
    assert [s.reason for s in chosen.context["samples"]] == ["gave_up: x"]
    assert "Retry all" not in page.content.decode()


def test_an_editor_retries_one_item(alpha, editor):
    item, other = put(alpha, "refused: x", 2)

    editor.post(SETTLE, {"action": "retry", "item": item.pk})
    digest_all()

    assert status_of(alpha).stored_events == 1
    assert list(Quarantined.objects.values_list("pk", flat=True)) == [other.pk]


def test_an_editor_retries_all_of_a_reason(alpha, editor):
    put(alpha, "refused: x", 3)
    put(alpha, "refused_too: y")

    editor.post(SETTLE, {"action": "retry", "reason": "refused"})
    at_work = editor.get(PAGE)
    work_on_jobs(seconds=60)
    n_waiting = InboxBatch.objects.count()
    digest_all()
    done = editor.get(f"{PAGE}quarantine/")

    assert n_waiting == 3
    assert 'hx-trigger="every 2s"' in at_work.content.decode()
    assert "hx-trigger" not in done.content.decode()
    assert [g.code for g in done.context["groups"]] == ["refused_too"]
    assert AuditEntry.objects.get(action="quarantine.retry").detail == {
        "items": 3,
        "reason": "refused",
    }


def test_it_tells_what_became_of_what_was_tried_again(alpha, editor):
    first, second = (json.dumps(make_span("t", name)).encode() for name in "ab")
    put(alpha, "refused: x", body=first)
    put(alpha, "refused: x", body=second)
    put(alpha, "refused: x", body=b"[5")  # the door would not take it
    editor.post(SETTLE, {"action": "retry", "reason": "refused"})
    work_on_jobs(seconds=60)

    waiting = editor.get(f"{PAGE}quarantine/", {"range": "7d", "reason": "refused"})
    digest_all()
    done = editor.get(PAGE)

    last = done.context["last_retry"]
    assert "3 items are being tried again" in waiting.content.decode()
    assert "/quarantine/?range=7d&amp;reason=refused" in waiting.content.decode()
    assert (last.code, last.items, last.understood, last.returned) == ("refused", 3, 2, 1)
    assert "2 could be read now, 1 came back" in done.content.decode()
    assert "hx-trigger" not in editor.get(f"{PAGE}quarantine/").content.decode()


def test_what_was_not_kept_stays_as_it_is(alpha, editor):
    put(alpha, "refused: x")
    (empty,) = put(alpha, "refused: content_dropped", body=b"")

    told = editor.post(SETTLE, {"action": "retry", "reason": "refused"}, follow=True)
    work_on_jobs(seconds=60)
    digest_all()
    alone = editor.post(SETTLE, {"action": "retry", "item": empty.pk}, follow=True)

    assert "To be tried again: 1." in told.content.decode()
    assert "its content was not kept" in alone.content.decode()
    assert Quarantined.objects.get().reason == "refused: content_dropped"
    assert status_of(alpha).stored_events == 1


def test_items_are_counted_as_they_were_sent(alpha, editor):
    now = timezone.now()
    Quarantined.objects.create(
        project_id=alpha.pk,
        format="analytics",
        body=b"[]",
        n_items=500,
        horizon_us=0,
        reason="gave_up: x",
        received_at=now,
        quarantined_at=now,
    )

    told = editor.post(SETTLE, {"action": "discard", "reason": "gave_up"}, follow=True)
    work_on_jobs(seconds=60)

    assert "Discarded: 500." in told.content.decode()
    assert counts_of(alpha, "rejected") == {"discarded": 500}


@pytest.mark.parametrize(
    ("path", "body", "how", "status"),
    [
        ("/api/v1/events", "{'type'", {}, 400),
        ("/api/v1/chats", "{}", {}, 400),
        ("/v1/traces", "[", {}, 400),
        ("/api/v1/events", "{}", {"content-encoding": "zstd"}, 415),
        ("/api/v1/scores", " " * (20 * 1024**2 + 1), {}, 413),
    ],
)
def test_requests_refused_whole_are_counted_by_key(
    alpha, alpha_key, bob_client, counted, path, body, how, status
):
    client = Client(headers={"authorization": f"Bearer {alpha_key}", **how})

    answer = client.post(path, body, content_type="application/json")
    refusals.write_refusals()

    (refusal,) = bob_client.get(PAGE).context["sources"].refusals
    assert (answer.status_code, refusal.n) == (status, 1)
    assert refusal.why.startswith("sent ")
    assert status_of(alpha).rejected_events == 0


def test_discarded_items_are_counted_as_rejected(alpha, editor, monkeypatch):
    broken = tracking.adapters.Adapter(tracking.adapters.ADAPTERS["analytics"].check, fail)
    monkeypatch.setitem(tracking.adapters.ADAPTERS, "analytics", broken)
    send_events(make_sender(alpha), [make_span("t", n) for n in "abc"])
    digest_all()
    assert status_of(alpha).quarantined == 3

    editor.post(SETTLE, {"action": "discard", "reason": "adapter_failed"})
    work_on_jobs(seconds=60)

    status = status_of(alpha)
    assert (status.quarantined, status.rejected_events) == (0, 3)
    assert counts_of(alpha, "quarantined") == {}
    assert counts_of(alpha, "rejected") == {"discarded": 3}


def fail(body, *, receipt):
    raise ValueError("cannot")


def test_items_of_other_projects_are_out_of_reach(alpha, beta, editor):
    (item,) = put(beta, "refused: x")

    for fields in ({"item": item.pk}, {"reason": "refused"}):
        editor.post(SETTLE, {"action": "discard", **fields})
    work_on_jobs(seconds=60)

    assert Quarantined.objects.count() == 1


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "retry"},
        {"action": "explode", "item": "1"},
        {"action": "retry", "item": "1", "reason": "x"},
        {"action": "retry", "item": "²"},
        {"action": "retry", "item": "9" * 30},
        {"action": "retry", "reason": "\0"},
    ],
)
def test_it_refuses_what_makes_no_sense(editor, alpha, fields):
    assert editor.post(SETTLE, fields).status_code == 400


def test_what_is_not_there_is_said(editor, alpha):
    response = editor.post(SETTLE, {"action": "retry", "item": "77"}, follow=True)

    assert "Somebody else was faster" in response.content.decode()


def test_the_page_asks_a_fixed_number_of_questions(
    alpha, bob_client, django_assert_max_num_queries
):
    for code in range(10):
        put(alpha, f"reason{code}: x", 3)
    send_events(make_sender(alpha), [make_span("t", "a"), {"nope": 1}])
    digest_all()

    with django_assert_max_num_queries(15):
        bob_client.get(PAGE)


def test_calls_of_models_without_a_price_are_told(alpha, bob_client):
    tokens = {"input": 5, "output": 1}
    calls = [
        make_span("t", name, kind="llm", model=model, tokens=tokens)
        for name, model in (("a", "nobody-knows-9"), ("b", "gpt-4o"))
    ]
    send_events(make_sender(alpha), calls)
    digest_all()

    assert counts_of(alpha, "warned") == {"unknown_model": 1}
    assert "/p/alpha/settings/prices/" in bob_client.get(PAGE).content.decode()

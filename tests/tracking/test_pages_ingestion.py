import json

import pytest
from django.utils import timezone

from tests.flows import digest_all, make_sender, make_span, send_events
from tracking.models import Quarantined

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/p/alpha/settings/ingestion/"


def test_it_accounts_for_everything_sent(alpha, bob_client):
    sender = make_sender(alpha)
    send_events(sender, [make_span("t", "a"), {"nope": 1}])
    send_events(sender, [make_span("t", "b")])
    digest_all()

    page = bob_client.get(PAGE)

    ledger = page.context["ledger"]
    assert (ledger.sent, ledger.stored, ledger.rejected) == (3, 2, 1)
    assert "type_missing" in page.content.decode()


def test_it_shows_what_waits(alpha, bob_client):
    send_events(make_sender(alpha), [make_span("t", "a")])

    page = bob_client.get(PAGE)

    text = page.content.decode()
    assert (page.context["backlog"].batches, page.context["backlog"].items) == (1, 1)
    assert (page.context["ledger"].sent, page.context["ledger"].waiting) == (1, 1)
    assert "1 request waits. The oldest was accepted" in text
    assert "Nothing arrived" not in text


def test_it_shows_quarantined_items_escaped(alpha, bob_client):
    Quarantined.objects.create(
        project_id=alpha.pk,
        format="analytics",
        body=json.dumps({"type": "<b>"}).encode() + b"\xff" + b"x" * 5_000,
        horizon_us=0,
        reason="cannot <i>be</i> read",
        received_at=timezone.now(),
        quarantined_at=timezone.now(),
    )

    text = bob_client.get(PAGE).content.decode()

    assert "cannot &lt;i&gt;be&lt;/i&gt; read" in text
    assert "&lt;b&gt;" in text
    assert text.count("x" * 500) == 1
    assert "x" * 700 not in text


def test_a_stranger_finds_nothing(charlie_client, alpha):
    assert charlie_client.get(PAGE).status_code == 404


def test_it_asks_the_database_a_fixed_number_of_questions(
    bob_client, django_assert_max_num_queries
):
    with django_assert_max_num_queries(15):
        bob_client.get(PAGE)

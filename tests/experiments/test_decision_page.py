"""Decisions from the door to their page."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from experiments.decision_pages import NEWEST, read_decisions
from tests.experiments.decided import KINDS, NOW, recorded
from tests.flows import digest_all, make_sender, send_events
from tracking.filters import parse_filter

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_caches")]

PAGE = "/p/alpha/decisions/"


@pytest.fixture
def sent(alpha):
    events = [
        {"type": "decision.made", "data": recorded(kind)}
        | {"timestamp": (NOW + timedelta(seconds=at / 5)).isoformat()}
        for at, kind in enumerate(KINDS)
    ]
    send_events(make_sender(alpha), [*events, {"type": "note", "timestamp": NOW.isoformat()}])
    digest_all()
    return alpha


@pytest.fixture
def last_day():
    return parse_filter({"range": "24h"}, now=timezone.now()).time_range


def test_decisions_are_read_from_their_events(sent, last_day):
    found = read_decisions(sent.pk, last_day)

    assert (found.summary.n, found.summary.n_pairs) == (4, 1)
    assert [each.strategy for each in found.newest][0] == "ucb"
    assert found.n_events == 5


def test_they_are_found_by_their_index(sent, last_day):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {NEWEST}", [sent.pk, last_day.start, last_day.end, 9])
        plan = "\n".join(line for (line,) in cursor.fetchall())

    assert "Seq Scan" not in plan
    assert "name" not in plan  # the index holds decisions alone: nothing is left to filter


@pytest.mark.usefixtures("sent")
def test_the_page_shows_them(alice_client, django_assert_max_num_queries):
    with django_assert_max_num_queries(10):
        page = alice_client.get(PAGE).content.decode()

    for landmark in ("strategies", "contexts", "thompson", "ucb", "newest-decisions"):
        assert f'id="{landmark}"' in page
    assert "Beta(9, 3)" in page
    assert "Pick a summariser" in page
    assert "1 told by two events" in page


def test_without_decisions_it_says_where_they_come_from(alice_client, alpha):
    assert "No decisions in this time range" in alice_client.get(PAGE).content.decode()


@pytest.mark.usefixtures("sent")
def test_it_does_not_exist_for_strangers(charlie_client):
    assert charlie_client.get(PAGE).status_code == 404

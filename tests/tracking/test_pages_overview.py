import json
import shlex

import pytest

from tests.flows import digest_all, forget_process_caches, make_sender, send_events
from tests.tracking.support_bot import send_support_session

pytestmark = pytest.mark.django_db(transaction=True)

PAGE = "/p/alpha/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def bot(alpha):
    send_support_session(alpha)


@pytest.mark.usefixtures("bot")
def test_it_shows_totals_and_charts(bob_client):
    page = bob_client.get(PAGE)

    text = page.content.decode()
    assert page.status_code == 200
    assert 'title="34"' not in text
    assert 'title="1,234"' in text  # tokens
    assert "$0.0042" in text
    assert text.count("<canvas") == 3
    assert 'id="chart-cost-data"' in text
    assert '<th scope="col" class="num">gpt-4o-mini</th>' in text


@pytest.mark.usefixtures("bot")
def test_fragment_and_page_show_the_same_numbers(bob_client):
    page = bob_client.get(PAGE).content.decode()

    fragment = bob_client.get(PAGE, headers=HTMX).content.decode()

    assert fragment.lstrip().startswith('<div class="stack" id="overview">')
    assert fragment.split('class="tiles')[1][:900] == page.split('class="tiles')[1][:900]


@pytest.mark.usefixtures("bot")
def test_going_back_gets_a_whole_page(bob_client):
    restored = {**HTMX, "HX-History-Restore-Request": "true"}

    assert b"<!doctype html>" in bob_client.get(PAGE, headers=restored).content


@pytest.mark.usefixtures("bot")
def test_a_live_page_without_news_is_left_alone(alpha, bob_client):
    shown = bob_client.get(f"{PAGE}?live=1").context["token"]

    again = bob_client.get(f"{PAGE}?live=1&seen={shown}", headers=HTMX)
    send_support_session(alpha, turns=2)
    news = bob_client.get(f"{PAGE}?live=1&seen={shown}", headers=HTMX)

    assert again.status_code == 204
    assert news.status_code == 200


@pytest.mark.usefixtures("bot")
def test_usage_links_to_the_sessions_behind_it(bob_client):
    text = bob_client.get("/p/alpha/usage/?range=24h").content.decode()

    assert 'href="/p/alpha/sessions/?range=24h&amp;model=gpt-4o-mini"' in text
    assert 'href="/p/alpha/prompts/?range=24h&amp;key=answer"' in text
    there = bob_client.get("/p/alpha/prompts/?range=24h&key=answer")
    assert there["Location"] == "/p/alpha/sessions/?range=24h&prompt=answer"


def test_an_empty_project_says_how_to_send_data(bob_client):
    text = bob_client.get(PAGE).content.decode()

    assert "curl http://testserver/api/v1/events" in text
    assert "/p/alpha/settings/keys/" in text


def test_the_line_it_shows_sends_a_session(alpha, bob_client):
    line = shlex.split(bob_client.get(PAGE).context["curl"])

    forget_process_caches()
    send_events(make_sender(alpha), [json.loads(line[-1])])
    digest_all()

    assert line[:2] == ["curl", "http://testserver/api/v1/events"]
    assert bob_client.get("/p/alpha/sessions/first-session/").status_code == 200


def test_a_finer_interval_than_sums_are_kept_by_is_widened(bob_client):
    page = bob_client.get(f"{PAGE}?range=24h&interval=minute")

    assert len(page.context["charts"][0].labels) in (24, 25)


def test_a_range_that_means_nothing_is_said(bob_client):
    page = bob_client.get(f"{PAGE}?from=garbage")

    assert page.status_code == 200
    assert "Not understood" in page.content.decode()


def test_a_stranger_finds_nothing(charlie_client, alpha):
    for path in ("", "usage/", "freshness/"):
        assert charlie_client.get(f"{PAGE}{path}").status_code == 404


@pytest.mark.usefixtures("bot")
def test_it_asks_the_database_a_fixed_number_of_questions(
    bob_client, django_assert_max_num_queries
):
    with django_assert_max_num_queries(15):
        bob_client.get(PAGE)


def test_freshness_is_told(bob_client):
    assert "data up to" in bob_client.get("/p/alpha/freshness/").content.decode()

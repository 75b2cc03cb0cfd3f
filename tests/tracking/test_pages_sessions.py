import html
import re
from urllib.parse import quote

import pytest

from tests.tracking.support_bot import SESSION, send_support_session

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/p/alpha/sessions/"
PAGE = f"{LIST}{quote(SESSION, safe='')}/"


@pytest.fixture
def bot(alpha):
    send_support_session(alpha)


@pytest.mark.usefixtures("bot")
def test_the_list_shows_the_first_message_escaped(bob_client):
    text = bob_client.get(LIST).content.decode()

    assert "Where is my order 88213? &lt;script&gt;" in text
    assert "<script>alert" not in text
    assert "1 session shown" in text
    assert "$0.0042" in text


@pytest.mark.usefixtures("bot")
def test_a_link_of_the_list_opens_the_session(bob_client):
    text = bob_client.get(LIST).content.decode()
    link = re.search(r'class="cell-title" href="([^"]+)"', text)

    assert link is not None
    assert bob_client.get(html.unescape(link[1])).context["session"].id == SESSION


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("query", "n_rows"),
    [
        ("model=gpt-4o-mini", 1),
        ("model=gpt-4o", 0),
        ("error=any", 1),
        ("experiment=tone&variant=warm", 1),
        ("experiment=tone&variant=cold", 0),
        ("user_id=user-1", 1),
        ("cost_gte=1", 0),
        ("q=order", 1),
        ("from=2020-01-01&to=2020-02-01", 0),
    ],
)
def test_filters_of_the_url_choose_the_rows(bob_client, query, n_rows):
    page = bob_client.get(f"{LIST}?{query}")

    assert page.content.decode().count("<tr data-row>") == n_rows


@pytest.mark.usefixtures("bot")
def test_an_active_filter_is_a_chip_that_removes_it(bob_client):
    text = bob_client.get(f"{LIST}?range=24h&experiment=tone&variant=warm").content.decode()

    assert 'href="?range=24h" title="Remove: Experiment tone"' in text
    assert 'href="?range=24h&amp;experiment=tone" title="Remove: Variant warm"' in text


@pytest.mark.parametrize("query", ["sort=nonsense", "cost_gte=x", "kind=odd"])
def test_parameters_that_mean_nothing_are_said(bob_client, query):
    page = bob_client.get(f"{LIST}?{query}")

    assert page.status_code == 200
    assert 'role="alert"' in page.content.decode()


@pytest.mark.usefixtures("bot")
def test_the_conversation_is_shown_as_text_and_safe_markdown(bob_client):
    text = bob_client.get(PAGE).content.decode()

    assert "message--user" in text
    assert "<strong>Tuesday</strong>" in text
    assert 'src="https://tracker.example' not in text
    assert "<script>alert" not in text


@pytest.mark.usefixtures("bot")
def test_the_timeline_links_every_span(bob_client):
    text = bob_client.get(f"{PAGE}?view=timeline").content.decode()

    assert text.count('class="waterfall__row"') == 3
    assert "?span=call%2F1" in text


@pytest.mark.usefixtures("bot")
def test_the_details_give_exact_numbers(bob_client):
    text = bob_client.get(f"{PAGE}?view=details").content.decode()

    assert "<dt>Tokens in</dt><dd>1,200" in text
    assert "tone: warm" in text


def test_an_unknown_session_is_not_found(bob_client):
    assert bob_client.get(f"{LIST}nobody/").status_code == 404


@pytest.mark.usefixtures("bot")
def test_a_stranger_finds_nothing(charlie_client):
    assert charlie_client.get(LIST).status_code == 404
    assert charlie_client.get(PAGE).status_code == 404


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    "path",
    [
        LIST,
        f"{LIST}?range=30d&sort=-cost",
        f"{LIST}?range=30d&sort=duration",
        PAGE,
        f"{PAGE}?view=timeline",
        f"{PAGE}?view=details",
    ],
)
def test_it_asks_the_database_a_fixed_number_of_questions(
    bob_client, django_assert_max_num_queries, path
):
    with django_assert_max_num_queries(15):
        bob_client.get(path)

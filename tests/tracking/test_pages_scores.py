"""Scores on pages: shown, filtered by, given."""

import re
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from core.models import Role
from tests.cast import make_client, make_member
from tests.flows import digest_all, drift_of, make_sender, send_scores
from tests.tracking.support_bot import SESSION, send_support_session
from tracking.models import InboxBatch, SessionMetric

pytestmark = pytest.mark.django_db(transaction=True)

LIST = "/p/alpha/sessions/"
PAGE = f"{LIST}{quote(SESSION, safe='')}/"
EVIL = "<script>alert(1)</script>"


@pytest.fixture
def bot(alpha):
    send_support_session(alpha)


@pytest.fixture
def ana(alpha):
    """The lowest role that may judge."""
    return make_client(make_member(alpha, "ana", Role.ANALYST))


def give(client, **fields):
    posted = {"session_id": SESSION, "name": "helpful", "kind": "truth", "value": "yes", **fields}
    return client.post("/p/alpha/scores/", posted)


def said_to(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def page_of(client):
    return client.get(PAGE).content.decode()


@pytest.mark.usefixtures("bot")
def test_a_person_gives_a_score_that_shows_when_digested(alpha, ana):
    response = give(ana, comment=EVIL)
    assert response.status_code == 302
    assert InboxBatch.objects.get().format == "scores"

    digest_all()
    text = page_of(ana)

    assert re.search(
        r'title="helpful, 1 score, from human: &lt;script&gt;[^"]*">.*?<b>yes</b>', text, re.DOTALL
    )
    assert "human" in text
    assert "&lt;script&gt;alert(1)" in text
    assert EVIL not in text
    assert drift_of(alpha.pk) == []


@pytest.mark.usefixtures("bot")
def test_to_score_again_is_to_change_ones_mind(ana, alice_client):
    give(ana)
    give(ana, value="no")
    give(alice_client, value="yes")
    digest_all()

    metric = SessionMetric.objects.get(name="score:helpful")
    assert (metric.n, metric.total) == (2, 1.0)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize(
    ("kind", "value", "metric", "total"),
    [
        ("truth", "No", "score:helpful", 0.0),
        ("number", "-0.25", "score:helpful", -0.25),
        ("label", "0.25", "score:helpful=0.25", 1.0),
    ],
)
def test_a_value_is_read_by_its_type(ana, kind, value, metric, total):
    give(ana, kind=kind, value=value)
    digest_all()

    assert SessionMetric.objects.get(name=metric).total == total


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"value": "perhaps"}, "Value: Say yes or no."),
        ({"kind": "number", "value": "nan"}, "Value: Give a number"),
        ({"name": ""}, "Name: This field is required."),
        ({"session_id": ""}, "what is judged"),
        ({"name": "ö" * 150}, "longer than 200 bytes"),
    ],
)
def test_a_score_that_means_nothing_is_refused_with_words(ana, fields, words):
    response = give(ana, **fields)

    digest_all()

    assert words in said_to(response)
    assert SessionMetric.objects.count() == 0


@pytest.mark.usefixtures("bot")
def test_a_viewer_sees_scores_and_gives_none(alpha, bob_client):
    send_scores(make_sender(alpha), {"session_id": SESSION, "name": "helpful", "value": 0.25})
    digest_all()

    text = page_of(bob_client)

    assert "<b>0.250</b>" in text
    assert "Add a score" not in text
    assert give(bob_client).status_code == 403


@pytest.mark.usefixtures("bot")
def test_the_list_shows_and_filters_by_scores(alpha, bob_client):
    sender = make_sender(alpha)
    send_scores(
        sender,
        {"session_id": SESSION, "name": "helpful", "value": 0.25},
        {"session_id": SESSION, "name": "helpful", "value": 0.75},
    )
    digest_all()

    text = bob_client.get(LIST).content.decode()
    assert 'name="score.helpful_gte"' in text
    assert re.search(r'title="helpful, 2 scores, from code">.*?<b>0.500</b>', text, re.DOTALL)
    assert "<tr data-row>" not in bob_client.get(f"{LIST}?score.helpful_gte=0.6").content.decode()
    filtered = bob_client.get(f"{LIST}?score.helpful_lte=0.6").content.decode()
    assert "<tr data-row>" in filtered
    assert 'title="Remove: helpful at most 0.6"' in filtered


@pytest.mark.usefixtures("bot")
def test_a_trace_shows_its_scores_beside_the_span_they_judge(alpha, ana):
    span = make_sender(alpha).get("/api/v1/spans?kind=llm").json()["results"][0]
    trace_id = span["trace_id"]
    back = give(ana, session_id="", trace_id=trace_id, span_id=span["span_id"])
    give(ana, session_id="", trace_id=trace_id, name="whole", kind="label", value="good")
    digest_all()

    text = ana.get(back["Location"]).content.decode()

    assert "Scores of this span" in text
    assert "Scores of the trace" in text
    assert text.count('<span class="tag__text">whole</span>') == 1


@pytest.mark.usefixtures("bot")
def test_a_session_of_thousands_of_labels_shows_some_and_says_so(alpha, ana):
    before = {"name": "tone", "at": (timezone.now() - timedelta(minutes=1)).isoformat()}
    labels = [{"session_id": SESSION, "value": f"label {n}", **before} for n in range(300)]
    names = [{"session_id": SESSION, "name": f"z {n:03}", "value": n} for n in range(40)]
    send_scores(make_sender(alpha), *labels, *names)
    digest_all()

    text = page_of(ana)

    assert 'title="tone, 160 scores' in text
    assert "tone=label" not in text
    assert 'title="z 028, 1 score,' in text
    assert 'title="z 029, 1 score,' not in text
    assert "and 11 more names of scores" in text
    assert len(text) < 200_000


@pytest.mark.usefixtures("bot")
def test_pages_with_scores_ask_a_fixed_number_of_questions(
    alpha, ana, django_assert_max_num_queries
):
    sender = make_sender(alpha)
    send_scores(sender, *({"session_id": SESSION, "name": f"n{n}", "value": n} for n in range(30)))
    digest_all()

    for path in (LIST, PAGE):
        with django_assert_max_num_queries(15):
            assert b"score" in ana.get(path).content


@pytest.mark.usefixtures("bot")
def test_a_span_judged_without_its_trace_shows_its_score(alpha, ana):
    sender = make_sender(alpha)
    span = sender.get("/api/v1/spans?kind=llm").json()["results"][0]
    send_scores(sender, {"span_id": span["span_id"], "name": "alone", "value": 0.125})
    digest_all()

    page = f"/p/alpha/traces/{quote(span['trace_id'], safe='')}/"
    text = ana.get(page, {"span": span["span_id"]}).content.decode()

    assert "Scores of this span" in text
    assert "<b>0.125</b>" in text
    assert "Scores of this span" not in ana.get(page, {"span": "no-such"}).content.decode()

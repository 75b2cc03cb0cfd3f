"""The page "Send data": tabs, keys by role, and what arrived since it was opened."""

import html
import re

import pytest
from django.utils import timezone

from core.keys import issue_publishable_key
from core.models import ApiKey, AuditEntry, Role
from tests.cast import make_client, make_member
from tests.flows import digest_all, make_sender, make_span, send_events
from tracking.snippets import list_snippets, slots_of

pytestmark = pytest.mark.usefixtures("pipeline")

PAGE = "/p/alpha/send/"
HTMX = {"HX-Request": "true"}
POINT = {"type": "hello", "data": {"n": 1}}


def text_of(response):
    assert response.status_code == 200, response.content
    return response.content.decode()


def code_of(text):
    return html.unescape(re.search(r'<pre id="code"[^>]*>(.*?)</pre>', text, re.DOTALL)[1])


def news_url(text):
    return html.unescape(re.search(r'hx-get="(/p/alpha/send/arrivals/[^"]*)"', text)[1])


@pytest.mark.parametrize("snippet", list_snippets(), ids=lambda each: each.key)
def test_every_client_has_a_tab_with_this_servers_address(bob_client, snippet):
    text = text_of(bob_client.get(f"{PAGE}?with={snippet.key}"))

    assert f'<a href="?with={snippet.key}" aria-current="page">{snippet.label}</a>' in text
    assert "http://testserver" in code_of(text)
    assert snippet.placeholder in code_of(text)
    assert not re.search(r"@\w+@", code_of(text))


def test_a_tab_that_is_none_is_the_first(bob_client):
    assert code_of(text_of(bob_client.get(f"{PAGE}?with=<b>"))).startswith("curl -sS http://")


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.EDITOR])
def test_who_may_make_no_key_reads_where_to_get_one(alpha, role):
    client = make_client(make_member(alpha, role, role))

    text = text_of(client.get(PAGE))

    assert "Create a key" not in text
    assert "YOUR_API_KEY" in text
    assert "/p/alpha/settings/keys/" in text
    assert client.post(PAGE).status_code == 403
    assert ApiKey.objects.count() == 0


def test_an_admin_makes_a_key_that_is_filled_in_and_shown_once(alpha, dana):
    client = make_client(dana)
    assert "Create a key and fill it in" in text_of(client.get(PAGE))

    text = text_of(client.post(f"{PAGE}?with=curl"))

    (raw,) = set(re.findall(r"ak_[0-9a-f]{8}_[0-9a-f]{64}", text))
    key = ApiKey.objects.get(project=alpha)
    assert f"Bearer {raw}" in code_of(text)
    assert (key.name, key.scopes, key.created_by) == ("Send data: curl", ["ingest"], dana)
    assert AuditEntry.objects.filter(project=alpha, action="api_key.create").count() == 1
    assert raw not in text_of(client.get(f"{PAGE}?with=curl"))


def test_fallom_needs_to_read_prompts_too(alpha, dana):
    make_client(dana).post(f"{PAGE}?with=fallom")

    assert ApiKey.objects.get(project=alpha).scopes == ["ingest", "read"]


def test_a_publishable_key_is_made_once_and_stays(alpha, dana, bob_client):
    text = text_of(make_client(dana).post(f"{PAGE}?with=ai-experiments"))

    key = ApiKey.objects.get(project=alpha)
    assert key.is_publishable
    assert f"/k/{key.public_text}/api/analytics" in code_of(text)
    assert key.public_text in code_of(text_of(bob_client.get(f"{PAGE}?with=ai-experiments")))
    assert key.public_text not in text_of(bob_client.get(f"{PAGE}?with=curl"))


def test_a_publishable_key_of_certain_pages_or_another_project_is_not_offered(
    alpha, beta, bob_client
):
    issue_publishable_key(alpha, "shop", None, origins=["https://shop.example"])
    issue_publishable_key(beta, "theirs", None)

    code = code_of(text_of(bob_client.get(f"{PAGE}?with=ai-experiments")))

    assert "/k/YOUR_PUBLISHABLE_KEY/api/analytics" in code


def test_names_are_escaped(alpha, bob_client):
    alpha.name = "<script>alert(1)</script>"
    alpha.save()

    text = text_of(bob_client.get(PAGE))

    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


@pytest.mark.parametrize("text", ["a b", "$(id)", "x'y", 'x"y', "a\nb", "`id`", ""])
def test_what_a_shell_would_take_apart_is_not_filled_in(text):
    with pytest.raises(ValueError, match="cannot stand in a snippet"):
        slots_of(url="http://h", key=text, unique="1", now=timezone.now())


def test_it_waits_for_the_first_event_and_then_shows_it(alpha, bob_client):
    text = text_of(bob_client.get(PAGE))
    assert "Waiting for your first event…" in text
    assert bob_client.get(news_url(text), headers=HTMX).status_code == 204

    send_events(make_sender(alpha), [make_span("t1", "s1", session_id="hello-1"), POINT])
    digest_all()
    news = text_of(bob_client.get(news_url(text), headers=HTMX))

    assert "Received 2 events" in news
    assert "hello-1" in news
    assert "/p/alpha/events/" in news
    assert bob_client.get(news_url(news), headers=HTMX).status_code == 204
    assert "Waiting for your next event…" in text_of(bob_client.get(PAGE))


def test_what_is_refused_or_sent_again_is_said(alpha, bob_client):
    sender = make_sender(alpha)
    text = text_of(bob_client.get(PAGE))
    send_events(sender, [{**POINT, "id": "one"}])
    send_events(sender, [{**POINT, "id": "one"}, {"data": {}}])
    digest_all()

    news = text_of(bob_client.get(news_url(text), headers=HTMX))

    assert "Received 1 event<" in news
    assert "1 was sent before and changed nothing." in news
    assert "1 was refused" in news


def test_another_projects_events_are_none_of_this_one(beta, bob_client):
    text = text_of(bob_client.get(PAGE))
    send_events(make_sender(beta), [POINT])
    digest_all()

    assert bob_client.get(news_url(text), headers=HTMX).status_code == 204


@pytest.mark.parametrize(
    "query",
    [
        "",
        "since=x&base=0.0.0.0&seen=0.0.0.0",
        "since=1&base=0.0.0&seen=0.0.0.0",
        "since=1&base=0.0.0.0&seen=-1.0.0.0",
        "since=²&base=0.0.0.0&seen=0.0.0.0",
        f"since={'9' * 40}&base=0.0.0.0&seen=0.0.0.0",
    ],
)
def test_an_address_changed_by_hand_is_refused(bob_client, query):
    assert bob_client.get(f"{PAGE}arrivals/?{query}").status_code == 400


def test_a_tab_left_open_for_weeks_counts_from_two_days_ago(bob_client):
    news = text_of(bob_client.get(f"{PAGE}arrivals/?since=1&base=0.0.0.0&seen=0.0.0.0"))

    assert "since=1&" not in news


def test_the_overview_says_that_all_is_demo_until_something_else_comes(alpha, bob_client):
    hint = "All of this is demo data"
    sender = make_sender(alpha)
    send_events(sender, [make_span("t1", "s1")], **{"user-agent": "assay-demo"})
    digest_all()
    assert hint in text_of(bob_client.get("/p/alpha/"))

    send_events(sender, [make_span("t2", "s2")], **{"user-agent": "curl/8.5.0"})
    digest_all()

    assert hint not in text_of(bob_client.get("/p/alpha/"))


def test_empty_lists_lead_here(bob_client):
    for path in ("sessions/", "traces/", "events/", ""):
        assert 'href="/p/alpha/send/"' in text_of(bob_client.get(f"/p/alpha/{path}"))
    assert 'href="/p/alpha/send/?with=dogpile"' in text_of(bob_client.get("/p/alpha/runs/"))
    assert 'href="/p/alpha/send/"' in text_of(bob_client.get("/"))


def test_it_asks_the_database_few_questions(alpha, bob_client, django_assert_max_num_queries):
    send_events(make_sender(alpha), [POINT])
    digest_all()

    with django_assert_max_num_queries(8):
        text = text_of(bob_client.get(f"{PAGE}?with=ai-experiments"))
    with django_assert_max_num_queries(6):
        bob_client.get(news_url(text).replace("seen=", "seen=9"), headers=HTMX)

"""The pages of prompts: the list, one prompt, two versions side by side, labels moved from them."""

import html
import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from prompts.drafts import Draft, create_draft, create_prompt, publish, set_archived
from prompts.labels import move_label, protect_label
from prompts.models import LabelRequest, Prompt, PromptLabel
from tests.flows import digest_all, make_sender, make_span, send_events
from tests.tracking.conftest import pipeline, weeks_ahead  # noqa: F401 # fixtures

pytestmark = pytest.mark.django_db

LIST = "/p/alpha/prompts/"
PAGE = f"{LIST}support-answer/"
HOSTILE = "<script>alert('x')</script>"


def send_calls(project, key, version, *, n, failing=0, **data):
    """Model calls that name a version, each in a session of its own."""
    calls = {"kind": "llm", "prompt": key, "prompt_version": version, "model": "gpt-4o", **data}
    spans = [
        make_span(
            f"t-{key}-{version}-{index}",
            "call",
            session_id=f"s-{key}-{version}-{index}",
            status="error" if index < failing else "ok",
            **calls,
        )
        for index in range(n)
    ]
    send_events(make_sender(project), spans)


@pytest.fixture
def versions(published):
    return [published("You say {{greeting}} to {{name}}."), published("You say {{greeting}}.")]


@pytest.fixture
def used(pipeline, alpha, prompt, versions, writer):  # noqa: F811
    move_label(prompt, "production", 1, "first of all", writer)
    send_calls(alpha, prompt.key, "1", n=4, failing=1, cost_usd=0.5, tokens={"input": 100})
    send_calls(alpha, prompt.key, "2", n=2, cost_usd=0.25, seconds=2.0)
    send_calls(alpha, prompt.key, "nightly", n=1)
    digest_all()


def text_of(response):
    assert response.status_code == 200
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html.unescape(response.content.decode())))


def test_the_list_of_a_new_project_tells_how_to_begin(bob_client, erin, client):
    assert "Editors of this project write them" in text_of(bob_client.get(LIST))

    client.force_login(erin)
    text = client.get(LIST).content.decode()

    assert "?project=alpha" in text
    assert "assay.prompt_version" in text


@pytest.mark.usefixtures("used")
def test_the_list_shows_the_live_version_in_use(bob_client):
    row = bob_client.get(LIST).context["page"].rows[0]

    assert (row.live, row.usage.calls, row.usage.errors) == (1, 4, 1)
    assert (row.usage.success_rate, row.usage.cost_usd, row.calls) == (0.75, 2.0, 7)
    assert "75.0 %" in text_of(bob_client.get(LIST))


def test_without_production_the_newest_published_version_is_live(
    bob_client, prompt, versions, writer
):
    create_draft(prompt, Draft(user_template="three"), writer)

    row = bob_client.get(LIST).context["page"].rows[0]

    assert (row.live, row.is_in_production) == (2, False)


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        ("", ["greeting", "summary"]),
        ("?q=SUMM", ["summary"]),
        ("?q=polite", ["greeting"]),
        ("?tag=chat", ["greeting"]),
        ("?tag=chat&q=summary", []),
        ("?archived=1", ["old"]),
    ],
)
def test_the_list_is_filtered_by_words_tag_and_state(bob_client, alpha, writer, query, keys):
    create_prompt(alpha, "greeting", writer, description="Be polite", tags=["chat"])
    create_prompt(alpha, "summary", writer)
    set_archived(create_prompt(alpha, "old", writer), writer, archived=True)

    rows = bob_client.get(LIST + query).context["page"].rows

    assert [row.prompt.key for row in rows] == keys


def test_a_thousand_prompts_are_paged(bob_client, alpha, django_assert_max_num_queries):
    Prompt.objects.bulk_create(Prompt(project=alpha, key=f"p-{n:04}") for n in range(1_000))
    seen, address = [], LIST

    for _ in range(3):
        with django_assert_max_num_queries(15):
            page = bob_client.get(address).context["page"]
        seen += [row.prompt.key for row in page.rows]
        address = f"{LIST}?cursor={page.next_cursor}"

    assert seen == [f"p-{n:04}" for n in range(150)]


@pytest.mark.usefixtures("used")
def test_the_page_shows_each_version_in_use(bob_client, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        context = bob_client.get(PAGE).context

    rows = {row.version.number: row.measured for row in context["rows"]}
    assert (rows[1].usage.calls, rows[1].usage.error_rate) == (4, 0.25)
    assert rows[1].latency.p95 == pytest.approx(1000, rel=0.01)
    assert rows[2].latency.p95 == pytest.approx(2000, rel=0.01)
    assert [name for name, _ in context["strangers"]] == ["nightly"]


@pytest.mark.usefixtures("used")
def test_the_number_of_calls_leads_to_their_sessions(bob_client):
    row = bob_client.get(PAGE).context["rows"][1]

    sessions = bob_client.get(f"/p/alpha/sessions/?{row.measured.query}").context["page"].rows

    assert row.version.number == 1
    assert len(sessions) == row.measured.usage.calls == 4


def test_many_versions_are_paged(bob_client, prompt, published):
    for n in range(31):
        published(f"text {n}")

    first = bob_client.get(PAGE).context
    second = bob_client.get(f"{PAGE}?before={first['older_than']}").context

    assert [row.version.number for row in first["rows"]] == list(range(31, 1, -1))
    assert [row.version.number for row in second["rows"]] == [1]
    assert second["older_than"] is None


def test_the_text_of_a_version_marks_its_variables(bob_client, versions):
    body = bob_client.get(f"{PAGE}?version=1").content.decode()

    assert '<mark class="var" title="Variable name">{{name}}</mark>' in body
    assert bob_client.get(PAGE).context["version"].number == 2  # the newest: none is live
    assert bob_client.get(f"{PAGE}?version=9").status_code == 404


@pytest.mark.parametrize("htmx", [True, False])
def test_values_are_rendered_and_missing_ones_said(bob_client, versions, htmx):
    values = {"version": 1, "var.greeting": "hello", "var.name": ""}
    headers = {"HX-Request": "true"} if htmx else {}

    response = bob_client.post(f"{PAGE}render/", values, headers=headers)

    assert "You say hello to {{name}} ." in text_of(response)
    assert response.context["rendered"].missing == ("name",)
    assert b"<html" in response.content or htmx


def test_rendering_beyond_the_bounds_is_refused_in_words(bob_client, published):
    published("{{a}}" * 40)

    values = {"version": 1, "var.a": "x" * 200_000}
    response = bob_client.post(f"{PAGE}render/", values, headers={"HX-Request": "true"})

    assert "More than 4,194,304 characters" in text_of(response)


def test_what_writers_wrote_is_escaped_everywhere(bob_client, alpha, writer):
    prompt = create_prompt(alpha, "p", writer, name=HOSTILE, description=HOSTILE, tags=[HOSTILE])
    for text in (HOSTILE, f"{HOSTILE} {{{{name}}}}"):
        draft = Draft(
            system=text,
            messages=[{"role": "user", "content": HOSTILE}],
            variables=({"name": "name", "example": HOSTILE, "description": HOSTILE},),
            recommended_config=HOSTILE,
        )
        publish(create_draft(prompt, draft, writer), HOSTILE, writer)
    move_label(prompt, "production", 1, HOSTILE, writer)
    values = {"version": 2, "var.name": HOSTILE}

    pages = [bob_client.get(f"{LIST}{path}") for path in ("", "p/", "p/diff/", f"?q={HOSTILE}")]
    pages.append(bob_client.post(f"{LIST}p/render/", values))

    for page in pages:
        assert page.status_code == 200
        assert b"<script>alert" not in page.content
    assert all(b"&lt;script&gt;alert" in page.content for page in pages)


@pytest.mark.usefixtures("used")
def test_two_versions_stand_side_by_side(bob_client, django_assert_max_num_queries):
    with django_assert_max_num_queries(15):
        response = bob_client.get(f"{PAGE}diff/?a=1&b=2")

    numbers = {row.label: (row.old, row.new) for row in response.context["comparisons"]}
    assert numbers["Calls"] == ("4", "2")
    assert numbers["Error share"] == ("25.0 %", "0 %")
    assert numbers["Cost a call"] == ("$0.50", "$0.25")
    assert numbers["Tokens a call"] == ("100", "0")
    assert b"<del> to {{name}}</del>" in response.content


def test_the_diff_is_of_the_newest_two_unless_others_are_asked_for(bob_client, versions):
    context = bob_client.get(f"{PAGE}diff/").context

    assert (context["old"].number, context["new"].number) == (1, 2)
    assert bob_client.get(f"{PAGE}diff/?a=1&b=7").status_code == 404
    assert bob_client.get(f"{LIST}nothing/diff/").status_code == 404


def test_a_prompt_without_versions_has_a_page_and_no_diff(bob_client, prompt):
    assert "No version yet" in text_of(bob_client.get(PAGE))
    assert bob_client.get(f"{PAGE}diff/").status_code == 404


@pytest.fixture
def moved(prompt, versions, writer):
    move_label(prompt, "production", 1, "first", writer)
    move_label(prompt, "production", 2, "better", writer)


def serving():
    return PromptLabel.objects.select_related("version").get(name="production").version.number


@pytest.mark.usefixtures("moved")
def test_an_editor_restores_an_earlier_version(client, erin, bob_client):
    client.force_login(erin)
    rows = client.get(PAGE).context["moves"]
    assert [(row.can_restore, row.can_roll_back) for row in rows] == [(False, True), (True, False)]

    values = {"label": "production", "version": 1, "reason": "complaints"}
    answer = client.post(f"{PAGE}labels/", values, follow=True)

    assert serving() == 1
    assert "production serves v1 now" in text_of(answer)
    assert "Restore v" not in text_of(bob_client.get(PAGE))


@pytest.mark.usefixtures("moved")
def test_an_editor_rolls_back_only_what_they_saw(client, erin):
    client.force_login(erin)

    stale = client.post(f"{PAGE}labels/", {"label": "production", "seen": 1}, follow=True)
    assert "is on v2 by now" in text_of(stale)
    assert serving() == 2

    client.post(f"{PAGE}labels/", {"label": "production", "seen": 2, "reason": "worse"})
    assert serving() == 1


@pytest.mark.usefixtures("moved")
def test_a_move_without_a_reason_is_refused_in_words(client, erin):
    client.force_login(erin)

    answer = client.post(f"{PAGE}labels/", {"label": "production", "version": 1}, follow=True)

    assert "Say why the label moves" in text_of(answer)
    assert serving() == 2


@pytest.mark.usefixtures("moved")
def test_a_protected_label_waits_and_the_page_says_so(client, erin, prompt, approver):
    protect_label(prompt, "production", approver, protected=True)
    client.force_login(erin)

    values = {"label": "production", "version": 1, "reason": "complaints"}
    answer = client.post(f"{PAGE}labels/", values, follow=True)

    assert serving() == 2
    assert LabelRequest.objects.get().to_number == 1
    assert "waits to move from v2 to v1: asked by erin" in text_of(answer)


def test_readers_and_strangers_move_nothing(bob_client, charlie_client, prompt, versions):
    values = {"label": "production", "version": 1, "reason": "why"}

    assert bob_client.post(f"{PAGE}labels/", values).status_code == 403
    assert charlie_client.post(f"{PAGE}labels/", values).status_code == 404
    assert not PromptLabel.objects.exists()


@pytest.mark.parametrize("path", ["", "diff/"])
def test_a_prompt_of_another_project_is_not_found(charlie_client, beta, prompt, versions, path):
    assert charlie_client.get(PAGE + path).status_code == 404
    assert charlie_client.get(f"/p/beta/prompts/support-answer/{path}").status_code == 404


@pytest.mark.parametrize(
    ("query", "target"),
    [
        ("key=support-answer&version=3&range=24h", f"{PAGE}?range=24h&version=3"),
        ("named=support-answer%403", f"{PAGE}?version=3"),
        ("named=support-answer", PAGE),
        ("named=support-answer%40nightly", PAGE),
        ("key=%40org/it", "/p/alpha/sessions/?prompt=%40org%2Fit"),
        ("named=%40org/it%402", "/p/alpha/sessions/?prompt=%40org%2Fit&prompt_version=2"),
        ("named=%40org", "/p/alpha/sessions/?prompt=%40org"),
        ("key=a%00b", "/p/alpha/sessions/?prompt=a%00b"),
    ],
)
def test_a_named_prompt_leads_to_its_page_or_to_its_sessions(bob_client, prompt, query, target):
    assert bob_client.get(f"{LIST}?{query}")["Location"] == target


@pytest.mark.usefixtures("used")
def test_pages_of_events_lead_to_the_prompt(bob_client):
    session = bob_client.get("/p/alpha/sessions/s-support-answer-1-0/").content.decode()
    usage = bob_client.get("/p/alpha/usage/").content.decode()
    trace = bob_client.get("/p/alpha/traces/t-support-answer-1-0/").content.decode()

    assert f'href="{LIST}?named=support-answer%401"' in session
    assert 'hx-get="/p/alpha/stale-prompt-tags/?session=s-support-answer-1-0"' in session
    assert f'href="{LIST}?key=support-answer"' in usage
    assert f'href="{LIST}?key=support-answer&amp;version=1"' in trace


@pytest.mark.usefixtures("used")
def test_numbers_are_those_of_the_time_range(bob_client):
    last_year = timezone.now().year - 1
    page = f"{PAGE}?from={last_year}-01-01T00:00&to={last_year}-02-01T00:00"

    assert {row.measured.usage.calls for row in bob_client.get(page).context["rows"]} == {0}


def test_the_list_reads_no_texts_of_versions(bob_client, alpha, published, writer):
    version = published("Hello")
    move_label(version.prompt, "production", 1, "first", writer)

    with CaptureQueriesContext(connection) as asked:
        page = bob_client.get("/p/alpha/prompts/")

    assert "v1" in page.content.decode()
    assert [query["sql"] for query in asked if '"user_template"' in query["sql"]] == []

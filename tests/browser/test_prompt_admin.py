"""A prompt's whole way through the admin, by two people in two browsers."""

import pytest
from playwright.sync_api import Page, expect

from prompts.acting import Author
from prompts.drafts import Draft, create_draft, create_prompt, publish
from prompts.labels import move_label, protect_label
from prompts.models import LabelMove, PromptVersion
from tests.cast import make_client

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
BASE = "/admin/prompts/prompt/"


@pytest.fixture
def prompt(transactional_db, alpha, alice):
    """A prompt whose production serves v1, protected."""
    author = Author.of_user(alice)
    prompt = create_prompt(alpha, "support-answer", author, name="Support answer")
    texts = Draft(system="You are kind.\nAnswer in English.", user_template="{{question}}")
    publish(create_draft(prompt, texts, author), "first", author)
    move_label(prompt, "production", 1, "go live", author)
    protect_label(prompt, "production", author, protected=True)
    return prompt


def write_draft(page: Page) -> None:
    """From v1: answer in the language of a new variable, with an example for it."""
    page.get_by_role("link", name="New draft").click()
    page.get_by_role("textbox", name="System").fill("You are kind.\nAnswer in {{language}}.")
    expect(page.locator(".code-edit__mirror mark").first).to_have_text("{{language}}")
    page.locator("#preview").get_by_role("button", name="language").click()
    page.locator("[data-variable] input[name$=-example]").first.fill("Welsh")
    expect(page.locator("#preview .var--filled")).to_have_text("Welsh")
    page.get_by_role("button", name="Save the draft").click()


def test_a_prompt_goes_from_draft_to_production_and_back(alpha, erin, dana, prompt, open_page):
    writer = open_page(f"{BASE}?project=alpha", erin)
    writer.get_by_role("link", name="Support answer").click()
    write_draft(writer)
    expect(writer.locator("#diff ins")).to_have_text("{{language}}")
    expect(writer.locator("#diff del")).to_have_text("English")

    writer.get_by_label("What changed, and why").fill("Answers in any language")
    writer.get_by_role("button", name="Publish v2").click()
    expect(writer.get_by_text("v2 is published.")).to_be_visible()

    writer.get_by_label("Label").fill("production")
    writer.get_by_label("Why", exact=True).fill("Customers asked")
    writer.get_by_role("button", name="Move it here").click()
    expect(writer.get_by_text("waits for a second person")).to_be_visible()
    expect(writer.get_by_role("button", name="Approve")).to_have_count(0)

    approver = open_page(f"{BASE}?state=waiting", dana)
    approver.get_by_role("link", name="Support answer").click()
    approver.get_by_role("link", name="See what changes").click()
    expect(approver.locator("#diff ins").first).to_contain_text("language")
    approver.go_back()
    approver.get_by_role("button", name="Approve").click()
    expect(approver.get_by_text("production serves v2 now.")).to_be_visible()
    expect(approver.locator("#history")).to_contain_text("approved by dana")

    # A protected label also goes back by two people.
    approver.get_by_role("button", name="Roll back to v1").click()
    expect(approver.get_by_text("its move to v1 waits for a second person")).to_be_visible()
    approver.get_by_role("button", name="Withdraw").click()
    approver.get_by_role("button", name="Unprotect").click()
    approver.get_by_role("button", name="Roll back to v1").click()
    expect(approver.get_by_text("production serves v1 now.")).to_be_visible()

    moves = LabelMove.objects.order_by("id").values_list("from_number", "to_number")
    assert list(moves) == [(0, 1), (1, 2), (2, 1)]


def test_two_editors_of_a_draft_see_each_others_text(erin, dana, prompt, open_page):
    create_draft(prompt, Draft(system="Be brief and kind."), Author.of_user(erin))
    path = f"{BASE}{prompt.pk}/versions/2/edit/"
    first, second = open_page(path, erin), open_page(path, dana)
    second.get_by_role("textbox", name="System").fill("Be brief and patient.")
    second.get_by_role("button", name="Save the draft").click()
    expect(second.get_by_text("v2 is saved.")).to_be_visible()

    # The answer to a stale draft is a 409, of which Chromium complains in its console.
    first.route("**/edit/", lambda route: route.fulfill(response=route.fetch(), status=200))
    first.get_by_role("textbox", name="System").fill("Be brief and warm.")
    first.get_by_role("button", name="Save the draft").click()

    expect(first.get_by_role("alert")).to_contain_text("dana saved this draft at")
    expect(first.locator("#theirs del")).to_have_text("patient")
    expect(first.locator("#theirs ins")).to_have_text("warm")
    expect(first.get_by_role("textbox", name="System")).to_have_value("Be brief and warm.")
    first.get_by_role("button", name="Save mine").click()
    expect(first.get_by_text("v2 is saved.")).to_be_visible()
    assert PromptVersion.objects.get(number=2).system == "Be brief and warm."


def test_the_form_works_without_javascript(erin, prompt, open_page):
    page = open_page(f"{BASE}{prompt.pk}/drafts/add/", erin, java_script_enabled=False)

    page.get_by_role("textbox", name="System").fill("Be {{mood}}.")
    page.locator("[name=variables-0-name]").fill("mood")
    page.locator("[name=variables-0-example]").fill("calm")
    page.get_by_role("button", name="Save the draft").click()

    expect(page.locator(".var--filled")).to_have_text("calm")


@pytest.mark.parametrize("width", [375, 1440])
def test_no_page_of_it_scrolls_sideways(alpha, dana, prompt, open_page, width):
    long = "averyveryverylongwordwithoutanyspace" * 12
    author = Author.of_user(dana)
    create_draft(prompt, Draft(system=f"{long}\n{{{{{long[:100]}}}}}", note=long), author)
    page = open_page(BASE, dana, viewport={"width": width, "height": 800})
    paths = ["", "add/", *(f"{prompt.pk}/{each}" for each in ("change/", "drafts/add/"))]
    paths += [f"{prompt.pk}/versions/{each}" for each in ("1/", "2/", "2/edit/")]

    wide = []
    for path in paths:
        page.goto(f"{BASE}{path}")
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(path)

    assert wide == []


def test_support_pages_keep_to_the_policy(root, prompt, open_page):
    page = open_page("/admin/", root)

    for path in ("core/project/", "core/auditentry/", "auth/user/", f"auth/user/{root.pk}/change/"):
        page.goto(f"/admin/{path}")
        expect(page.locator("#site-name")).to_be_visible()
    assert make_client(root).get("/admin/").status_code == 200

"""A reader compares two versions and tries one; an editor rolls production back; a tag is stale."""

import json
import re

import pytest
from playwright.sync_api import expect

from prompts.acting import Author
from prompts.drafts import Draft, create_draft, create_prompt, publish
from prompts.labels import move_label
from tests.flows import digest_all, make_sender, make_span, send_events

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

TEXTS = (
    "Greet {{name}} and answer in five short sentences.",
    "Greet {{name}} warmly and answer in two short sentences.",
)


@pytest.fixture
def prompt(alpha, erin):
    writer = Author.of_user(erin)
    made = create_prompt(alpha, "support-answer", writer, tags=["chat"])
    for number, text in enumerate(TEXTS, 1):
        variables = ({"name": "name", "example": "Ada"},)
        draft = Draft(system=text, user_template="{{question}}", variables=variables)
        publish(create_draft(made, draft, writer), f"note {number}", writer)
        move_label(made, "production", number, f"reason {number}", writer)
    return made


def send_session(project, *systems):
    spans = [
        make_span(
            "t",
            f"call-{n}",
            kind="llm",
            session_id="s",
            prompt="support-answer",
            prompt_version="2",
            input=json.dumps([{"role": "system", "content": system}]),
        )
        for n, system in enumerate(systems)
    ]
    send_events(make_sender(project), spans)
    digest_all()


def test_a_reader_finds_a_prompt_compares_its_versions_and_tries_one(alpha, bob, prompt, open_page):
    send_session(alpha, "Greet Ada warmly and answer in two short sentences.")
    page = open_page("/p/alpha/", bob)

    page.click("nav >> text=Prompts")
    page.click("#prompts .cell-title >> text=support-answer")
    expect(page.locator("#versions tr", has_text="note 2")).to_contain_text("production")
    expect(page.locator("#moves")).not_to_contain_text("Roll back")
    page.fill("[name='var.name']", "Grace <b>")
    page.click("text=Render")
    expect(page.locator("#rendered")).to_contain_text("Greet Grace <b> warmly")
    expect(page.locator("#rendered .lint")).to_contain_text("question")

    page.click("text=Compare")
    expect(page.locator(".diff__line--removed del").first).to_contain_text("five")
    expect(page.locator("#comparison tbody tr").first).to_have_text(re.compile(r"Calls\s*0\s*1"))
    page.select_option(".compare [name=a]", "2")
    page.select_option(".compare [name=b]", "2")
    page.press(".compare [name=b]", "Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#prompt-diff")).to_contain_text("Both versions say the same")


def test_an_editor_rolls_a_label_back_from_its_history(erin, prompt, open_page):
    page = open_page("/p/alpha/prompts/support-answer/", erin)

    page.click("#moves summary:has-text('Roll back')")
    page.fill("#moves details[open] [name=reason]", "too short")
    page.click("text=Back to v1")

    expect(page.locator(".notice--success")).to_contain_text("production serves v1 now")
    expect(page.locator("#moves tbody tr").first).to_contain_text("v2 → v1")
    expect(page.locator("#versions tr", has_text="note 1")).to_contain_text("production")


def test_a_session_warns_of_a_tag_that_a_client_kept(alpha, bob, prompt, open_page):
    send_session(
        alpha,
        "Greet Ada warmly and answer in two short sentences.",
        "Classify the message as one of the five topics below.",
    )
    page = open_page("/p/alpha/sessions/s/", bob)

    expect(page.locator("#session-head .notice")).to_contain_text("1 of 2 spans")
    page.click("#session-head .notice >> text=support-answer@2")
    expect(page.locator("#content-card")).to_contain_text("Greet {{name}} warmly")


@pytest.mark.parametrize("path", ["", "support-answer/", "support-answer/diff/"])
def test_pages_fit_a_phone(bob, prompt, open_page, path):
    page = open_page(f"/p/alpha/prompts/{path}", bob, viewport={"width": 375, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") == 375

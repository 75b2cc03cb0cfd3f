"""Sending data in a browser: a key at a click, news without reloading, the snippet of pages."""

import re

import pytest
from playwright.sync_api import expect

from tests.flows import digest_all, make_sender, send_events, status_of

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SEND = "/p/alpha/send/"


def test_a_key_is_filled_in_and_what_arrives_shows_by_itself(alpha, dana, open_page):
    opened = open_page(SEND, dana)
    expect(opened.locator("#code")).to_contain_text("YOUR_API_KEY")

    opened.get_by_role("button", name="Create a key and fill it in").click()
    expect(opened.locator("#code")).to_contain_text("Bearer ak_")
    expect(opened.locator("#arrivals")).to_contain_text("Waiting for your first event…")
    send_events(make_sender(alpha), [{"type": "hello", "data": {}}])
    digest_all()

    expect(opened.locator("#arrivals")).to_contain_text("Received 1 event")
    opened.locator(".arrivals__event").click()
    expect(opened).to_have_url(re.compile("/events/[0-9a-f-]{36}/"))


def test_tabs_are_links(dana, open_page):
    opened = open_page(SEND, dana, java_script_enabled=False)

    opened.get_by_role("link", name="Langfuse").click()

    expect(opened).to_have_url(re.compile(r"\?with=langfuse$"))
    expect(opened.locator("#code")).to_contain_text("from langfuse import")
    expect(opened.get_by_role("button", name="Copy")).to_have_count(0)


def test_the_snippet_of_pages_runs_in_a_page(alpha, dana, open_page, page):
    opened = open_page(f"{SEND}?with=ai-experiments", dana)
    opened.get_by_role("button", name="Create a key and fill it in").click()
    expect(opened.locator("#code")).to_contain_text("/k/pk_")

    page.evaluate("async () => {" + opened.locator("#code").inner_text() + "}")
    digest_all()

    assert status_of(alpha).stored_events == 6


@pytest.mark.parametrize("width", [375, 1440])
def test_no_tab_is_wider_than_the_window(dana, open_page, width):
    opened = open_page(SEND, dana, viewport={"width": width, "height": 800})

    tabs = [tab.get_attribute("href") for tab in opened.locator(".content .tabs a").all()]
    for tab in tabs:
        opened.goto(SEND + tab)
        assert opened.evaluate("innerWidth - document.documentElement.scrollWidth") >= 0, tab

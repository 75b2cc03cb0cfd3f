"""From a leaderboard to the very span: three clicks, each number the same on both sides."""

import re

import pytest
from playwright.sync_api import expect

from tests.flows import digest_all, make_sender, make_span, send_events
from tests.tracking.support_bot import send_support_session

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def bot(transactional_db, alpha):
    send_support_session(alpha)
    other = {"assay.experiment": "tone", "assay.variant": "plain"}
    send_events(make_sender(alpha), [make_span("c", "a", session_id="cold", attributes=other)])
    digest_all()


@pytest.mark.usefixtures("bot")
def test_a_number_of_the_leaderboard_leads_to_its_span(alice, open_page):
    page = open_page("/p/alpha/experiments/", alice)

    page.get_by_role("link", name="tone").first.click()
    row = page.locator("#leaderboard tr", has_text="warm")
    row.get_by_role("link", name="1", exact=True).first.click()
    page.locator("main tbody a").first.click()
    expect(page.locator(".message--user")).to_contain_text("Where is my order 88213?")
    page.get_by_role("link", name="Timeline").click()
    page.get_by_role("link", name="lookup_order").click()

    expect(page.locator("#panel")).to_contain_text("orders did not answer")


@pytest.mark.usefixtures("bot")
def test_choosing_spans_changes_the_panel_and_the_address(alice, open_page):
    page = open_page("/p/alpha/traces/?status=ok", alice)
    page.goto("/p/alpha/traces/")
    page.get_by_role("link", name="support-agent").click()

    page.locator("a.waterfall__row", has_text="chat").click()
    expect(page.locator("#panel")).to_contain_text("1,200 in, 34 out")
    expect(page).to_have_url(re.compile(r"\?span=call%2F1$"))
    page.locator("a.waterfall__row", has_text="lookup_order").click()
    expect(page.locator("#panel")).to_contain_text("orders did not answer")

    page.get_by_title("Fold or unfold").click()
    expect(page.locator("a.waterfall__row:visible")).to_have_count(1)
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    page.locator("a.waterfall__row").first.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("a.waterfall__row:visible")).to_have_count(3)

    page.go_back()
    expect(page.locator("#panel")).to_contain_text("1,200 in, 34 out")

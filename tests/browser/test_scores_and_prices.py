"""A person judges a session; an admin sets a price and watches history being repriced."""

import datetime
from urllib.parse import quote

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from core.jobs import work_on_jobs
from tests.flows import digest_all, make_sender, make_span, send_events
from tests.tracking.support_bot import SESSION, send_support_session
from tracking import repricing

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_score_given_on_a_session_shows_there(alpha, alice, open_page):
    send_support_session(alpha)
    page = open_page(f"/p/alpha/sessions/{quote(SESSION, safe='')}/", alice)

    page.click("#scores > summary")
    page.fill("#scores [name=name]", "helpful")
    page.fill("#scores [name=value]", "no")
    page.fill("#scores [name=comment]", "It <i>missed</i> the question.")
    page.click("text=Save the score")
    expect(page.locator(".notice--success")).to_contain_text("The score is stored")
    digest_all()
    page.reload()

    expect(page.locator("#session-head .tag--bad", has_text="helpful")).to_contain_text("no")
    page.click("#scores > summary")
    expect(page.locator("#scores .score-comment")).to_have_text("It <i>missed</i> the question.")


def test_the_progress_of_repricing_moves_by_itself(alpha, alice, open_page, monkeypatch):
    monkeypatch.setattr(repricing, "SETTLED_AFTER", 0.0)
    start = timezone.now() - datetime.timedelta(hours=2)
    call = {"kind": "llm", "model": "my-llama", "tokens": {"input": 1000}, "start": start}
    send_events(make_sender(alpha), [make_span("t", "call", **call)])
    digest_all()
    page = open_page("/p/alpha/settings/prices/", alice)
    expect(page.locator("tr", has_text="my-llama")).to_contain_text("unknown")

    page.click("tr:has-text('my-llama') >> text=Set a price")
    page.fill("[name=starts_on]", "2026-01-01")
    page.fill("#price-form [name=input]", "2.5")
    page.click("text=Save the price")
    page.click("summary:has-text('Reprice history')")
    page.click("text=Reprice history now")
    expect(page.locator("#repricing")).to_contain_text("Waiting for a worker")
    work_on_jobs(seconds=30)

    expect(page.locator("#repricing")).to_contain_text("1 call priced, 1 changed.")
    page.reload()
    expect(page.locator("tr", has_text="my-llama").first).to_contain_text("$0.0025")

"""What browsers do to our doors: a page of another origin sends events; a file is uploaded."""

import json
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from core.keys import issue_publishable_key, revoke_key
from tests.flows import (
    digest_all,
    forget_process_caches,
    make_sender,
    send_events,
    status_of,
)
from tracking import event_log
from tracking.models import Event, InboxBatch

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAYLOADS = Path(__file__).parent.parent / "payloads" / "ai-experiments"
EVENT = json.loads((PAYLOADS / "variant-complete.json").read_text())

# The custom backend of ai-experiments' README (2.0.2), with our address.
SEND = """
async ([address, event]) => {
  const response = await fetch(address, { method: 'POST', body: JSON.stringify(event) })
  return [response.status, await response.text()]
}
"""
SEND_JSON = """
async ([address, event]) => {
  const response = await fetch(address, {
    method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(event),
  })
  return response.status
}
"""
SEND_TRACED = """
async ([address, event]) => {
  const response = await fetch(address, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', traceparent: '00-1-2-01', baggage: 'a=b' },
    body: JSON.stringify(event),
  })
  return response.status
}
"""
LEAVE = "([address, event]) => navigator.sendBeacon(address, JSON.stringify(event))"
BLOCKED = """
async ([address, event]) => {
  try {
    await fetch(address, { method: 'POST', body: JSON.stringify(event) })
    return 'let in'
  } catch (error) {
    return error.name
  }
}
"""


def test_the_fetch_of_ai_experiments_works_as_written(alpha, page, live_server):
    key = issue_publishable_key(alpha, "shop", None)
    address = f"{live_server.url}/k/{key.public_text}/api/analytics"

    status, text = page.evaluate(SEND, [address, EVENT])
    digest_all()

    assert (status, json.loads(text)) == (202, {"accepted": 1, "rejected": []})
    assert Event.objects.get(project_id=alpha.pk).name == "variant.complete"


def test_a_request_that_needs_a_preflight_works_too(alpha, page, shop, live_server):
    key = issue_publishable_key(alpha, "shop", None, origins=[shop])
    address = f"{live_server.url}/k/{key.public_text}/api/analytics/batch"

    assert page.evaluate(SEND_JSON, [address, {"events": [EVENT]}]) == 202


def test_headers_that_tracing_adds_to_every_fetch_do_no_harm(alpha, page, live_server):
    key = issue_publishable_key(alpha, "shop", None)
    address = f"{live_server.url}/k/{key.public_text}/api/analytics"

    assert page.evaluate(SEND_TRACED, [address, EVENT]) == 202


def test_what_a_page_says_when_it_is_left_arrives(alpha, page, live_server):
    key = issue_publishable_key(alpha, "shop", None)
    address = f"{live_server.url}/k/{key.public_text}/api/analytics"

    assert page.evaluate(LEAVE, [address, EVENT]) is True
    deadline = time.monotonic() + 60
    while not InboxBatch.objects.exists():
        assert time.monotonic() < deadline, "it did not arrive"
        time.sleep(0.05)


def test_a_page_of_another_origin_is_shut_out(alpha, page, live_server):
    key = issue_publishable_key(alpha, "shop", None, origins=["https://app.example.com"])
    address = f"{live_server.url}/k/{key.public_text}/api/analytics"

    assert page.evaluate(BLOCKED, [address, EVENT]) == "TypeError"
    assert status_of(alpha).pending_batches == 0


def test_a_page_whose_key_was_revoked_reads_so(alpha, alice, page, live_server):
    key = issue_publishable_key(alpha, "shop", None)
    address = f"{live_server.url}/k/{key.public_text}/api/analytics"
    assert page.evaluate(SEND, [address, EVENT])[0] == 202

    revoke_key(key, alice)
    forget_process_caches()

    assert page.evaluate(SEND, [address, EVENT])[0] == 401


def test_a_page_reads_why_its_key_does_not_work(alpha, page, live_server):
    status, text = page.evaluate(SEND, [f"{live_server.url}/k/pk_nobody/api/analytics", EVENT])

    assert status == 401
    assert "publishable" in json.loads(text)["detail"]


@pytest.fixture
def upload(erin, open_page):
    def act(content: str | bytes, name: str = "events.jsonl"):
        page = open_page("/p/alpha/events/upload/", erin)
        body = content.encode() if isinstance(content, str) else content
        page.locator("input[type=file]").set_input_files(
            {"name": name, "mimeType": "application/octet-stream", "buffer": body}
        )
        page.get_by_role("button", name="Upload").click()
        expect(page.locator("#upload-result[data-state=done]")).to_be_visible(timeout=60_000)
        return page

    return act


def test_a_file_of_more_lines_than_a_request_may_hold_is_sent_in_parts(alpha, upload):
    lines = [json.dumps({"type": "n", "id": str(n), "data": {"n": n}}) for n in range(12_001)]
    lines[11_000] = '{"type": "broken"'
    lines[7] = ""

    page = upload("\n".join(lines))
    digest_all()

    expect(page.locator("#upload-state")).to_have_text("Done: 11,999 accepted, 1 rejected")
    expect(page.locator("#upload-rejected li")).to_have_text(
        ["line 11001: not JSON: Expecting ',' delimiter at character 18"]
    )
    assert status_of(alpha).stored_events == 11_999


def test_a_recorded_file_becomes_an_experiment(alpha, upload):
    upload((PAYLOADS / "file-backend.jsonl").read_bytes())
    digest_all()

    assert status_of(alpha).stored_events == 15


def test_a_document_over_several_lines_is_sent_whole(alpha, upload):
    page = upload((PAYLOADS / "batch.json").read_text(), "batch.json")

    expect(page.locator("#upload-state")).to_have_text("Done: 10 accepted, 0 rejected")


@pytest.mark.parametrize("form", ["lines", "array"])
def test_a_file_of_summaries_becomes_experiments(alpha, upload, form):
    summary = json.loads((PAYLOADS / "experiment-summary.json").read_text())
    both = [summary, summary | {"experimentId": "other"}]
    text = json.dumps(both, indent=2) if form == "array" else "\n".join(map(json.dumps, both))

    page = upload(text, f"summaries.{form}")

    expect(page.locator("#upload-state")).to_have_text("Done: 14 accepted, 0 rejected")


def test_a_file_of_no_events_costs_no_good_line(upload, complaints):
    page = upload("no json\nnor this\n" + '{"type": "n"}\n' + "x\n" * 5)

    expect(page.locator("#upload-state")).to_have_text("Done: 1 accepted, 7 rejected")
    expect(page.locator("#upload-rejected li").first).to_contain_text("line 1: ")
    assert all("400" in complaint for complaint in complaints)  # each half that was refused
    complaints.clear()


def test_an_open_line_stays_open_while_others_arrive(alpha, alice, open_page, monkeypatch):
    monkeypatch.setattr(event_log, "MOMENT", event_log.MOMENT * 0)
    sender = make_sender(alpha)
    send_events(sender, [{"type": "first", "data": {"deep": {"answer": 42}}}])
    digest_all()
    page = open_page("/p/alpha/events/?live=1", alice)

    page.locator("summary.log__line").first.click()
    expect(page.locator(".log__body").first).to_contain_text("42")
    send_events(sender, [{"type": "second", "data": {}}])
    digest_all()

    expect(page.locator(".log__type")).to_have_text(["second", "first"])
    expect(page.locator("details[open] .log__type")).to_have_text("first")
    page.get_by_role("link", name="Pause").click()
    expect(page.locator(".log__tail")).to_have_count(0)


def test_who_is_signed_out_is_told_so(erin, open_page):
    page = open_page("/p/alpha/events/upload/", erin)
    page.locator("input[type=file]").set_input_files(
        {"name": "x.jsonl", "mimeType": "text/plain", "buffer": b'{"type": "n"}\n'}
    )
    page.context.clear_cookies(name="sessionid")

    page.get_by_role("button", name="Upload").click()

    expect(page.locator("#upload-error")).to_contain_text("signed out")

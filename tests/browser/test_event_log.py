"""The log of events as somebody on call follows it: for hours, by keyboard, among other tabs."""

import datetime

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from tests.flows import digest_all, make_sender, send_events
from tracking import event_log

pytestmark = pytest.mark.browser
LOG = "/p/alpha/events/"
HIDING = "Object.defineProperty(document, 'hidden', {get: () => Boolean(window.isAway)})"


@pytest.fixture
def sender(alpha):
    return make_sender(alpha)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(event_log, "MOMENT", datetime.timedelta())


def note(name):
    return {"type": name, "id": name, "timestamp": timezone.now().isoformat(), "data": {}}


def receive(sender, *names):
    send_events(sender, [note(name) for name in names])
    digest_all()


def follow(open_page, user, query=""):
    page = open_page("/", user)
    page.add_init_script(HIDING)
    page.clock.install()
    page.goto(f"{LOG}?live=1{query}")
    return page


def lines(page):
    return page.locator("#log .log__line")


def test_lines_are_reached_and_opened_by_keyboard(alice, open_page, sender):
    receive(sender, "first", "second", "third")
    page = open_page(LOG, alice)

    for key in ("j", "j", "k", "j"):
        page.keyboard.press(key)
    focused = page.locator(".log__line:focus")
    expect(focused).to_contain_text("second")
    focused.press("Enter")

    expect(page.locator("details[open] .log__body")).to_contain_text("type second")


def test_a_hidden_tab_asks_for_nothing_and_misses_nothing(alice, open_page, sender):
    receive(sender, "before")
    page = follow(open_page, alice)
    asked = []
    page.on("request", lambda request: asked.append(request.url) if LOG in request.url else None)

    page.evaluate("isAway = true")
    page.clock.run_for(60_000)
    receive(sender, "meanwhile")
    page.clock.run_for(60_000)
    assert asked == []

    page.evaluate("isAway = false")
    page.clock.run_for(5_000)
    expect(lines(page)).to_have_count(2)
    expect(lines(page).first).to_contain_text("meanwhile")


def test_it_is_followed_for_long_without_growing(alice, open_page, sender, monkeypatch):
    monkeypatch.setattr(event_log, "QUIET", datetime.timedelta())
    page = follow(open_page, alice)
    for number in range(7):
        receive(sender, *(f"note-{number}-{place}" for place in range(100)))
        page.clock.run_for(2_500)
        expect(lines(page).first).to_contain_text(f"note-{number}-")
    page.clock.run_for(120_000)

    assert lines(page).count() == 500
    expect(page.locator(".log__tail")).to_have_count(1)


def test_filters_stay_in_the_address(alice, open_page, sender):
    receive(sender, "good.one", "bad.one")
    page = follow(open_page, alice, "&type=good")
    expect(lines(page)).to_have_count(1)

    receive(sender, "bad.two", "good.two")
    page.clock.run_for(5_000)
    expect(lines(page)).to_have_count(2)
    page.get_by_role("link", name="Pause").click()

    expect(page.get_by_label("Type begins with")).to_have_value("good")
    assert "type=good" in page.url
    assert "live" not in page.url
    page.go_back()
    expect(page.get_by_role("link", name="Pause")).to_be_visible()


def test_text_that_turns_its_direction_turns_nothing_behind_it(alice, open_page, sender):
    receive(sender, "note \u202eesrever")
    send_events(sender, [{**note("plain"), "id": "x", "data": {"sessionId": "s\u202eesrever"}}])
    digest_all()
    page = open_page(LOG, alice)

    turned = page.locator(".log__line", has_text="esrever").first
    expect(turned).to_be_visible()
    styles = turned.locator("span").evaluate_all(
        "spans => spans.map((span) => getComputedStyle(span).unicodeBidi)"
    )
    assert set(styles) == {"isolate"}

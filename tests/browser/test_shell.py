"""The shell in a real browser: sign-in, theme, keyboard, width, no JavaScript, live updates."""

import pytest
from playwright.sync_api import expect

from tests.flows import digest_all, make_sender, send_events
from tests.tracking.support_bot import make_turn, send_support_session

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGES = [
    *("/", "/p/alpha/", "/p/alpha/sessions/", "/p/alpha/traces/", "/p/alpha/experiments/"),
    *("/p/alpha/events/", "/p/alpha/events/upload/", "/p/alpha/decisions/"),
    "/p/alpha/settings/keys/",
]


@pytest.fixture
def bot(transactional_db, alpha):
    send_support_session(alpha)


@pytest.mark.usefixtures("bot")
def test_signing_in_leads_to_the_overview(alice, open_page):
    alice.set_password("correct horse battery")
    alice.save()
    page = open_page("/p/alpha/")

    page.get_by_label("Username").fill("alice")
    page.get_by_label("Password").fill("correct horse battery")
    page.get_by_role("button", name="Sign in").click()

    expect(page).to_have_url(f"{page.url.split('/p/')[0]}/p/alpha/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_text("Cost by model")).to_be_visible()
    expect(page.locator("#top-models")).to_contain_text("gpt-4o-mini")
    page.wait_for_function(
        "window.Chart?.getChart(document.querySelector('canvas'))?.data.datasets.length"
    )


@pytest.mark.usefixtures("bot")
def test_the_theme_is_kept(alice, open_page):
    page = open_page("/p/alpha/", alice, color_scheme="light")
    switch = page.locator("[data-theme-switch]")

    switch.click()
    switch.click()
    page.reload()

    assert page.evaluate("document.documentElement.dataset.bsTheme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 27)"


@pytest.mark.usefixtures("bot")
def test_the_keyboard_reaches_search_rows_and_help(alice, open_page):
    page = open_page("/p/alpha/sessions/", alice)

    page.keyboard.press("j")
    expect(page.locator("tr[data-row] a.cell-title").first).to_be_focused()
    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.locator("body").click(position={"x": 700, "y": 700})
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard")).to_be_visible()


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("width", [360, 1920])
def test_no_page_scrolls_sideways(alice, open_page, width):
    page = open_page("/", alice, viewport={"width": width, "height": 800})
    wide = []
    for path in PAGES:
        page.goto(path)
        if page.evaluate("document.documentElement.scrollWidth") > width:
            wide.append(path)

    assert wide == []


@pytest.mark.usefixtures("bot")
def test_pages_work_without_javascript(alice, open_page):
    page = open_page("/p/alpha/sessions/", alice, java_script_enabled=False)

    page.locator("a.cell-title").first.click()
    page.get_by_role("link", name="Timeline").click()
    page.get_by_role("link", name="lookup_order").click()

    expect(page.locator("#panel")).to_contain_text("orders did not answer")


@pytest.mark.usefixtures("bot")
def test_a_live_list_shows_what_arrives(alpha, alice, open_page):
    page = open_page("/", alice)
    page.clock.install()
    page.goto("/p/alpha/sessions/?live=1")
    expect(page.locator("tr[data-row]")).to_have_count(1)

    send_events(make_sender(alpha), make_turn(trace="t2", session="another"))
    digest_all()
    page.clock.run_for(5_000)

    expect(page.locator("tr[data-row]")).to_have_count(2)


@pytest.mark.usefixtures("bot")
@pytest.mark.parametrize("trouble", ["503", "cut"])
def test_a_page_says_that_the_server_is_away_until_it_answers(
    alice, open_page, complaints, trouble
):
    page = open_page("/", alice)
    page.clock.install()
    page.goto("/p/alpha/sessions/?live=1")
    outage = page.locator("[data-outage]")
    expect(page.locator("tr[data-row]")).to_have_count(1)
    expect(outage).to_be_hidden()

    fail = {"503": lambda r: r.fulfill(status=503), "cut": lambda r: r.abort("connectionrefused")}
    page.route("**/p/alpha/**", fail[trouble])
    page.clock.run_for(12_000)
    expect(outage).to_be_visible()
    expect(outage).to_contain_text("The server does not answer. This page shows what was there at ")
    assert outage.locator("time").text_content()
    expect(page.locator("tr[data-row]")).to_have_count(1)

    page.unroute("**/p/alpha/**")
    page.clock.run_for(12_000)
    expect(outage).to_be_hidden()
    assert complaints  # the browser's own, of what was cut
    complaints.clear()

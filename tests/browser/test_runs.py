"""Runs in a browser: stepping through, comparing, growing while they run, without JavaScript."""

import pytest
from playwright.sync_api import expect

from tests.flows import make_sender
from tests.tracking.dogpile_runs import RUN_ID, load, sending, stream

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

PAGE = f"/p/alpha/runs/{RUN_ID}/"


@pytest.fixture
def send(transactional_db, alpha):
    return sending(make_sender(alpha))


def test_the_replay_steps_without_loading_the_page(alice, open_page, send):
    send(load("trace-replay.json"))
    page = open_page(PAGE, alice)
    page.evaluate("window.stayed = true")
    replay = page.locator("#replay")

    replay.get_by_role("link", name="Step").click()
    expect(replay).to_contain_text("2 of 8")
    replay.get_by_label("Type of event").select_option("tool-result")
    expect(replay).to_contain_text("1 of 1")

    expect(replay.locator(".json")).to_contain_text("Checklist")
    assert page.evaluate("window.stayed") is True


def test_a_running_run_shows_what_comes(alice, open_page, send):
    events = stream()
    send(events[:5])
    page = open_page(PAGE, alice)
    expect(page.locator("#transcript")).to_contain_text("1 turn")

    send(events[5:])

    expect(page.locator("#transcript")).to_contain_text("2 turns")
    expect(page.locator("#stop")).to_contain_text("limit 200, observed 250")
    expect(page.locator("#run canvas").first).to_be_visible()


def test_two_artifacts_are_chosen_and_compared(alice, open_page, send):
    send(load("benchmark-run-quality.json"), load("benchmark-run-completeness.json"))
    page = open_page("/p/alpha/runs/?tab=benchmarks", alice)

    page.locator("input[name=a]").first.check()
    page.locator("input[name=b]").last.check()
    page.get_by_role("button", name="Compare A and B").click()

    expect(page.locator("#compare")).to_contain_text("run quality")


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("path", ["/p/alpha/runs/", "/p/alpha/runs/?tab=benchmarks", PAGE])
def test_nothing_is_wider_than_the_window(alice, open_page, send, path, width):
    send(load("benchmark-run-completeness.json"))
    page = open_page(path, alice, viewport={"width": width, "height": 900})

    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_reads_and_steps_without_javascript(alice, open_page, send):
    send(load("trace-replay.json"))
    page = open_page(PAGE, alice, java_script_enabled=False)

    page.locator("#replay").get_by_role("link", name="Step").click()

    expect(page.locator("#replay")).to_contain_text("2 of 8")
    expect(page.locator("#lanes svg").first).to_be_visible()

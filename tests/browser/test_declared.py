"""From two versions of a prompt to a leaderboard, in a browser and without JavaScript."""

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from experiments.lifecycle import declare
from experiments.models import Experiment
from tests.experiments.declared import PLAIN, ROBOT, make_versions
from tests.flows import digest_all, drift_of, make_sender, make_span, send_events

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def versions(alpha):
    return make_versions(alpha)


class Span:
    def __init__(self):
        self.said = {}

    def set_attribute(self, name, value):
        self.said[name] = value


def send_sessions(project, code, n):
    """Sessions whose spans are tagged by the code that the page shows."""
    spans = []
    for at in range(n):
        span = Span()
        exec(code, {"span": span, "session_id": f"s{at}"})  # noqa: S102 # what the page says
        start = timezone.now()
        tagged = {"attributes": span.said, "kind": "llm", "seconds": 0.01}
        spans.append(make_span(f"t{at}", f"call-{at}", start=start, **tagged))
    send_events(make_sender(project), spans)
    digest_all()


def test_two_versions_become_an_experiment_with_a_leaderboard(alpha, erin, versions, open_page):
    page = open_page("/p/alpha/prompts/support-answer/diff/?a=1&b=2", erin)

    page.click("text=Compare v1 with v2 in an experiment")
    expect(page.locator("select[name=v1-version]")).to_have_value("2")
    page.fill("[name=key]", "tone")
    page.select_option("[name=role_cost_per_unit]", "guardrail")
    page.click("text=Write the draft")
    expect(page.locator("#verdict")).to_contain_text("Not started")
    page.click("#verdict summary:has-text('Start')")
    page.click("text=Start it now")
    expect(page.locator("#verdict")).to_contain_text("Running")

    send_sessions(alpha, page.locator("#tagging-snippet").inner_text(), 20)
    page.click("text=Live")

    rows = page.locator("#leaderboard tbody tr")
    expect(rows).to_have_count(2)
    expect(page.locator("#verdict")).to_contain_text("20 of 5,000 planned")
    counts = [int(rows.nth(at).locator("td a").first.inner_text()) for at in (0, 1)]
    assert sum(counts) == 20
    assert min(counts) > 0
    rows.nth(0).locator("td a").first.click()
    expect(page.locator("#unit-count")).to_have_text(str(counts[0]))
    assert drift_of(alpha.pk) == []

    page.goto("/p/alpha/experiments/")
    expect(page.locator("#experiments tbody tr")).to_contain_text("Running")


def test_it_works_without_javascript(alpha, erin, versions, open_page):
    page = open_page(
        "/p/alpha/experiments/new/?prompt=support-answer", erin, java_script_enabled=False
    )

    page.click("text=One more variant")
    expect(page.locator("select[name=v2-version]")).to_have_value("")
    page.click("text=Write the draft")
    page.click("#verdict summary:has-text('Start')")
    page.click("text=Start it now")

    expect(page.locator("#verdict")).to_contain_text("Running")
    assert Experiment.objects.get().status == "running"


@pytest.mark.parametrize(
    "path", ["", "new/", "new/?prompt=support-answer", "new/?kind=model", "tone/"]
)
def test_pages_fit_a_phone(alpha, erin, versions, open_page, path):
    declare(alpha, PLAIN, ROBOT)

    page = open_page(f"/p/alpha/experiments/{path}", erin, viewport={"width": 375, "height": 800})

    assert page.evaluate("document.documentElement.scrollWidth") == 375

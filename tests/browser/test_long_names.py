"""Names as long as a client may make them break no page, wide or narrow."""

from urllib.parse import quote

import pytest

from tests.flows import digest_all, make_sender, make_span, send_events, send_scores

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

LONG = "x" * 110
TRACE, SESSION = f"trace-{LONG}", f"session-{LONG}"
IDS = {"session_id": SESSION, "user_id": f"user-{LONG}", "environment": f"prod-{LONG}"}
ARM = {"assay.experiment": f"exp-{LONG}", "assay.variant": f"variant-{LONG}"}
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
IS_ON_TOP = """e => {
  const box = e.getBoundingClientRect();
  const met = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
  return e === met || e.contains(met);
}"""
NARROW, WIDE = {"width": 375, "height": 800}, {"width": 1440, "height": 900}


@pytest.fixture
def long_names(alpha):
    model = {"kind": "llm", "model": f"model-{LONG}", "prompt": f"prompt-{LONG}"}
    sender = make_sender(alpha)
    send_events(
        sender,
        [
            make_span(TRACE, f"agent {LONG}", kind="agent", attributes=ARM, **IDS),
            make_span(TRACE, f"tool_{LONG}", kind="tool", parent_span_id=f"agent {LONG}", **IDS),
            make_span(TRACE, "call", parent_span_id=f"agent {LONG}", input=LONG, **model, **IDS),
        ],
    )
    score = {"name": f"score {LONG}"[:100], "value": 0.5, "comment": "words " * 60}
    send_scores(sender, {**score, "session_id": SESSION}, {**score, "trace_id": TRACE})
    digest_all()


@pytest.mark.usefixtures("long_names")
@pytest.mark.parametrize("viewport", [NARROW, WIDE], ids=["narrow", "wide"])
def test_no_page_is_wider_than_the_window(bob, open_page, viewport):
    session, trace, key = (quote(name, safe="") for name in (SESSION, TRACE, f"exp-{LONG}"))
    paths = ["", "sessions/", f"sessions/{session}/", f"traces/{trace}/", "events/", "traces/"]
    paths += [f"experiments/{key}/", f"experiments/{key}/?variant=none&metric=success_rate"]
    page = open_page("/p/alpha/", bob, viewport=viewport)

    wider = {}
    for path in paths:
        page.goto(page.url.split("/p/")[0] + f"/p/alpha/{path}")
        wider[path] = page.evaluate(OVERFLOW)

    assert {path: n for path, n in wider.items() if n > 0} == {}


@pytest.mark.usefixtures("long_names")
@pytest.mark.parametrize("menu", ["Model", "Prompt", "More", "Custom", "All environments"])
def test_menus_open_within_a_narrow_window(bob, open_page, menu):
    page = open_page("/p/alpha/sessions/", bob, viewport=NARROW)

    page.click(f"summary:has-text('{menu}')")

    panel = page.locator("details[open] .menu__panel")
    box = panel.bounding_box()
    assert box is not None
    assert (box["x"] >= 0, box["x"] + box["width"] <= 375) == (True, True)
    assert panel.evaluate("e => e.scrollWidth - e.clientWidth") == 0
    assert panel.locator("a, input:visible").first.evaluate(IS_ON_TOP) is True


@pytest.mark.parametrize("path", ["", "sessions/", "traces/", "experiments/", "events/", "runs/"])
def test_pages_of_an_empty_project_fit_a_narrow_window(alpha, bob, open_page, path):
    page = open_page(f"/p/alpha/{path}", bob, viewport=NARROW)

    assert page.evaluate(OVERFLOW) == 0


@pytest.mark.usefixtures("long_names")
def test_scores_beside_a_trace_are_shown_whole(bob, open_page):
    page = open_page(f"/p/alpha/traces/{quote(TRACE, safe='')}/", bob, viewport=WIDE)

    page.click("text=Scores of the trace")

    table = page.locator(".panel .scroll", has=page.locator(".score-comment"))
    assert table.evaluate("e => e.scrollWidth - e.clientWidth") == 0
    assert table.locator("time").is_visible()

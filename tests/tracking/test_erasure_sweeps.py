"""Spans that came before it was known whose they are, taken back within the hour."""

import pytest

from core.jobs import work_on_jobs
from tests.flows import digest_all, drift_of, send_events
from tests.tracking.erased_life import SAID, USER, call, erase, make_life, names_left, span
from tests.tracking.everything import find_anywhere
from tracking.erasure import start_sweeps

pytestmark = pytest.mark.usefixtures("pipeline")


@pytest.fixture
def life(alpha, sender):
    send_events(sender, make_life())
    digest_all()
    return alpha


def test_a_session_of_many_traces_goes_whole(alpha, sender):
    """Only its first traces name the user: once they are gone nothing says whose the others are."""
    named = [call(f"a{n:02}", f"said{n}", session_id="long", user_id=USER) for n in range(25)]
    others = [call(f"b{n:02}", f"more{n}", session_id="long", input=SAID) for n in range(45)]
    send_events(sender, named + others + [call("c", "his", session_id="bobs", user_id="bob")])
    digest_all()

    erase(alpha)

    assert names_left() == ["his"]
    assert (find_anywhere(SAID), find_anywhere(USER), find_anywhere("long")) == ([], [], [])
    assert drift_of(alpha.pk) == []


def test_spans_that_came_before_who_they_belong_to_are_taken_back(life, sender):
    erase(life)
    send_events(sender, [call("new", "child", parent_span_id="r", input=SAID)])
    digest_all()
    assert "child" in names_left()

    send_events(sender, [span("new", "r", user_id=USER)])
    digest_all()
    assert start_sweeps() == 1
    work_on_jobs(seconds=60)

    assert names_left() == ["his", "mixed"]
    assert find_anywhere(SAID) == []
    assert drift_of(life.pk) == []


def test_traces_of_a_session_that_turns_out_to_be_theirs_are_taken_back(life, sender):
    erase(life)
    calls = [call(f"n{n}", f"before{n}", session_id=f"new-{USER}", input=SAID) for n in range(45)]
    send_events(sender, calls)
    send_events(sender, [call("o", "others", session_id="open", input="Kathmandu")])
    digest_all()
    assert len(names_left()) == 48

    send_events(sender, [span("m", "r", session_id=f"new-{USER}", user_id=USER)])
    digest_all()
    assert start_sweeps() == 1
    work_on_jobs(seconds=60)

    assert names_left() == ["his", "mixed", "others"]
    assert (find_anywhere(SAID), find_anywhere(USER)) == ([], [])
    assert drift_of(life.pk) == []


def test_a_session_that_another_began_stays_theirs(life, sender):
    erase(life)
    send_events(sender, [span("o1", "bobs", session_id="both", user_id="bob")])
    send_events(sender, [span("o2", "anyones", session_id="both")])
    digest_all()

    send_events(sender, [span("o3", "hers", session_id="both", user_id=USER)])
    digest_all()
    start_sweeps()
    work_on_jobs(seconds=60)

    assert names_left() == ["anyones", "bobs", "his", "mixed"]
    assert drift_of(life.pk) == []

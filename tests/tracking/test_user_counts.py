"""Users, traces and sessions of a range where they are too many to be looked at one by one."""

import importlib
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone

from core.jobs import work_on_jobs
from core.timebuckets import HOUR, Interval, TimeRange
from tests.flows import digest_all, drift_of, make_sender, make_span, send_events
from tracking import environment_counts, user_counts
from tracking.erasure import start_erasure
from tracking.models import Session, UsageRollup
from tracking.totals import totals

pytestmark = pytest.mark.usefixtures("pipeline")
NOW = timezone.now().replace(minute=30)
WEEK = TimeRange(NOW - timedelta(days=7), NOW + HOUR, Interval.DAY)


@pytest.fixture
def many(monkeypatch):
    """Few are many."""
    for module in (user_counts, environment_counts):
        monkeypatch.setattr(module, "MOST_COUNTED", 0)
    user_counts._kept.clear()


def session(number, *, user="", hours=2.0, **data):
    start = NOW - timedelta(hours=hours)
    ids = {"session_id": f"s{number}", "user_id": user or f"u{number}"}
    return make_span(f"t{number}", f"a{number}", kind="llm", start=start, **ids, **data)


def digest(project, *events):
    send_events(make_sender(project), list(events))
    digest_all()


def cells_of(project):
    rows = UsageRollup.objects.filter(project_id=project.pk, users__isnull=False)
    return {(row.hour, entry) for row in rows for entry in row.users}


def test_many_users_are_estimated_and_it_is_said(alpha, many):
    digest(alpha, *[session(n, hours=2 + n % 40) for n in range(60)])
    digest(alpha, session(60, user="u1"), session(61, user="u2", hours=30))

    found = totals(alpha.pk, WEEK)

    assert found.users == pytest.approx(60, abs=3)
    assert found.estimated == ["users"]
    assert (found.sessions, found.traces) == (62, 62)


def test_an_estimate_and_a_count_agree_about_few(alpha, monkeypatch):
    digest(alpha, *[session(n, user=f"u{n % 5}", hours=1 + n) for n in range(12)])
    counted = totals(alpha.pk, WEEK)

    monkeypatch.setattr(user_counts, "MOST_COUNTED", 0)
    estimated = totals(alpha.pk, WEEK)

    assert (counted.users, counted.estimated) == (5, [])
    assert (estimated.users, estimated.estimated) == (5, ["users"])


def test_users_of_traces_without_a_session_count(alpha, many):
    digest(alpha, make_span("t", "a", user_id="u1", start=NOW - HOUR))

    assert (totals(alpha.pk, WEEK).users, totals(alpha.pk, WEEK).sessions) == (1, 0)


def test_a_user_named_by_an_earlier_span_takes_the_place_of_the_one_before(alpha, many):
    late = session(1, user="second", parent_span_id="root")
    digest(alpha, late)
    before = cells_of(alpha)

    digest(alpha, make_span("t1", "root", start=NOW - 2 * HOUR, user_id="first"))

    assert len(before) == len(cells_of(alpha)) == 1
    assert before != cells_of(alpha)
    assert drift_of(alpha.pk) == []


def test_a_session_that_began_earlier_counts_its_user_there(alpha, many):
    digest(alpha, session(1, user="one"))
    digest(alpha, make_span("t2", "b", session_id="s1", start=NOW - 50 * HOUR))

    of_day = TimeRange(NOW - 24 * HOUR, NOW + HOUR, Interval.HOUR)
    assert (totals(alpha.pk, WEEK).users, totals(alpha.pk, of_day).users) == (1, 0)
    assert drift_of(alpha.pk) == []


def test_an_erased_user_is_counted_no_more(alpha, dana, many):
    digest(alpha, session(1), session(2))
    assert totals(alpha.pk, WEEK).users == 2

    start_erasure(alpha, "user", "u1", actor=dana)
    work_on_jobs(seconds=30)

    assert not Session.objects.filter(user_id="u1").exists()
    assert totals(alpha.pk, WEEK).users == 1
    assert drift_of(alpha.pk) == []


def test_what_was_read_once_is_not_read_again(alpha, many, django_assert_num_queries):
    digest(alpha, *[session(n) for n in range(5)])
    count = {"project_id": alpha.pk, "time_range": WEEK, "n_traces": 5}

    assert user_counts.count_users(**count) == (5, True)
    with django_assert_num_queries(1):
        user_counts.count_users(**count)
    digest(alpha, session(7))
    assert user_counts.count_users(**count) == (6, True)


def test_the_migration_counts_the_users_that_are_there(alpha, many):
    digest(alpha, *[session(n, user=f"u{n % 3}", hours=1 + n) for n in range(9)])
    UsageRollup.objects.update(users=None)
    migration = importlib.import_module("tracking.migrations.0022_users_of_hours")

    migration.count_users(None, SimpleNamespace(connection=connection))

    assert totals(alpha.pk, WEEK).users == 3
    assert drift_of(alpha.pk) == []


def test_of_an_environment_a_sample_tells_what_share_met_it(alpha, many):
    events = [
        session(n, hours=1 + n % 48, environment="prod" if n % 4 else "staging") for n in range(80)
    ]
    digest(alpha, *events)

    found = totals(alpha.pk, WEEK, environment="prod")

    assert found.sessions == pytest.approx(60, abs=8)
    assert found.traces == pytest.approx(60, abs=8)
    assert (found.users, found.estimated) == (None, ["traces", "sessions"])
    assert totals(alpha.pk, WEEK, environment="nowhere").sessions == 0


def test_a_sample_is_kept_for_a_minute(alpha, beta, many, django_assert_num_queries):
    digest(alpha, *[session(n, environment="prod" if n % 2 else "staging") for n in range(20)])
    asked = {"time_range": WEEK, "n_traces": 20, "n_sessions": 20}

    found = environment_counts.count_begun(alpha.pk, environment="prod", **asked)
    with django_assert_num_queries(0):
        assert environment_counts.count_begun(alpha.pk, environment="prod", **asked) == found
    of_none = environment_counts.count_begun(alpha.pk, environment="nowhere", **asked)
    of_others = environment_counts.count_begun(beta.pk, environment="prod", **asked)

    assert (found.sessions, of_none.sessions, of_others.sessions) == (10, 0, 0)
    cache.clear()
    with django_assert_num_queries(1):
        environment_counts.count_begun(alpha.pk, environment="prod", **asked)


def test_a_count_is_kept_until_more_began(alpha, django_assert_num_queries):
    digest(alpha, *[session(n, environment="prod" if n % 2 else "staging") for n in range(8)])
    asked = {"time_range": WEEK, "environment": "prod"}

    found = environment_counts.count_begun(alpha.pk, n_traces=8, n_sessions=8, **asked)
    with django_assert_num_queries(0):
        again = environment_counts.count_begun(alpha.pk, n_traces=8, n_sessions=8, **asked)
    digest(alpha, session(9, environment="prod"))
    after = totals(alpha.pk, **asked)

    assert again == found == (4, 4, 4, [])
    assert (after.traces, after.sessions, after.users, after.estimated) == (5, 5, 5, [])


def test_the_overview_says_what_is_an_estimate(alpha, many, bob_client):
    digest(alpha, *[session(n, environment="prod") for n in range(4)])

    page = bob_client.get("/p/alpha/").content.decode()
    of_prod = bob_client.get("/p/alpha/?environment=prod").content.decode()

    assert "About 4: an estimate, as they are many." in page
    assert "≈ 4" in page
    assert "Not counted in one environment of so many sessions." in of_prod

import datetime

import pytest
from django.utils import timezone

from core.timebuckets import HOUR, Interval, TimeRange
from tests.flows import digest_all, make_sender, send_events
from tests.tracking.stage import DATE, WHOLE_DAY, at, make_day
from tracking.events import Kind
from tracking.models import InboxBatch, UsageRollup
from tracking.series import SeriesError, freshness, series, top, totals
from tracking.sketches import bucket_of, sketch_of_counts
from tracking.tops import list_names


@pytest.fixture
def project_id(day, db):
    return day


def test_totals_sum_a_range(project_id):
    found = totals(project_id, WHOLE_DAY)

    assert (found.events, found.spans, found.llm_calls, found.traces) == (11, 10, 5, 5)
    assert (found.sessions, found.users, found.errors) == (3, 2, 1)
    assert (found.tokens_in, found.tokens_out, found.cost_usd) == (500, 100, 1.25)
    assert found.latency.p50 == pytest.approx(1000, rel=0.01)


def test_totals_of_one_environment(project_id):
    found = totals(project_id, WHOLE_DAY, environment="staging")

    assert (found.events, found.llm_calls, found.errors) == (2, 1, 1)
    assert (found.traces, found.sessions, found.users) == (1, 1, 1)


def test_totals_of_an_hour_leave_out_the_others(project_id):
    found = totals(project_id, TimeRange(at("9:00"), at("10:00"), Interval.HOUR))

    assert (found.spans, found.sessions) == (2, 1)


def test_totals_of_nothing_are_zero(alpha):
    found = totals(alpha.pk, WHOLE_DAY)

    assert (found.events, found.users, found.cost_usd) == (0, 0, 0)
    assert found.latency.p95 is None


def test_totals_see_no_other_project(project_id, beta):
    assert totals(beta.pk, WHOLE_DAY).events == 0


def test_latency_is_that_of_all_spans_when_nothing_called_a_model(alpha):
    tool = [make_day()[0]]
    send_events(make_sender(alpha), tool)

    digest_all()

    assert totals(alpha.pk, WHOLE_DAY).latency.p50 == pytest.approx(2000, rel=0.01)


def values_of(found):
    return {
        bucket.at.hour: bucket.values for bucket in found.buckets if any(bucket.values.values())
    }


def test_a_series_fills_its_gaps(project_id):
    found = series(project_id, metric="llm_calls", interval="hour", time_range=WHOLE_DAY)

    assert [bucket.at for bucket in found.buckets] == [DATE + n * HOUR for n in range(24)]
    assert values_of(found) == {hour: {"all": 1} for hour in (9, 10, 11, 12, 13)}
    assert found.buckets[0].values == {"all": 0}


def test_a_series_by_day_adds_hours_up(project_id):
    found = series(project_id, metric="cost", interval="day", time_range=WHOLE_DAY)

    assert [(bucket.at, bucket.values) for bucket in found.buckets] == [(DATE, {"all": 1.25})]
    assert found.unit == "usd"


def test_a_ratio_without_events_is_unknown(project_id):
    found = series(project_id, metric="error_rate", interval="hour", time_range=WHOLE_DAY)

    assert found.buckets[0].values == {"all": None}
    assert found.buckets[11].values == {"all": 0.5}


def test_a_series_by_model_has_a_line_each(project_id):
    found = series(
        project_id, metric="tokens", interval="day", time_range=WHOLE_DAY, group_by="model"
    )

    assert found.buckets[0].values == {
        "": 0,
        "gpt-4o": 360,
        "gpt-4o-mini": 120,
        "claude-sonnet-4-5": 120,
    }


def test_latency_by_kind(project_id):
    found = series(
        project_id, metric="latency_p95", interval="day", time_range=WHOLE_DAY, group_by="kind"
    )

    assert found.buckets[0].values["agent"] == pytest.approx(2000, rel=0.01)
    assert found.buckets[0].values["llm"] == pytest.approx(1000, rel=0.01)
    assert found.buckets[0].values["event"] is None


@pytest.mark.parametrize("metric", ["sessions", "traces"])
def test_sessions_and_traces_are_counted_where_they_began(project_id, metric):
    found = series(project_id, metric=metric, interval="hour", time_range=WHOLE_DAY)

    assert found.buckets[9].values == {"all": 1}


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("metric", {"metric": "nope"}),
        ("interval", {"interval": "minute"}),
        ("group_by", {"group_by": "user"}),
        ("group_by", {"metric": "sessions", "group_by": "model"}),
    ],
)
def test_a_series_that_means_nothing_is_refused(field, asked):
    with pytest.raises(SeriesError) as caught:
        series(1, **{"metric": "events", "interval": "hour", "time_range": WHOLE_DAY, **asked})

    assert caught.value.field == field


def test_the_greatest_models_come_first(project_id):
    found = top(project_id, WHOLE_DAY, family="model")

    assert [(row.key, row.detail, row.llm_calls) for row in found] == [
        ("gpt-4o", "openai", 3),
        ("claude-sonnet-4-5", "openai", 1),
        ("gpt-4o-mini", "openai", 1),
    ]
    assert found[0].latency_p50_ms == pytest.approx(1000, rel=0.01)
    assert found[0].cost_usd == 0.75


@pytest.mark.parametrize(
    ("family", "keys"),
    [("prompt", ["answer"]), ("environment", ["staging"]), ("error", ["Timeout"])],
)
def test_other_families_have_their_greatest_too(project_id, family, keys):
    assert [row.key for row in top(project_id, WHOLE_DAY, family=family)] == keys


def test_names_for_menus_are_those_of_the_greatest(project_id):
    found = list_names(project_id, WHOLE_DAY, limit=2)

    for family, names in found.items():
        rows = top(project_id, WHOLE_DAY, family=family, limit=2)
        assert names == [(row.key, row.events) for row in rows]
    assert [len(names) for names in found.values()] == [2, 1]


@pytest.mark.parametrize("family", ["model", "prompt", "environment", "error"])
def test_the_greatest_are_kept_for_ten_seconds(project_id, beta, family, django_assert_num_queries):
    found = top(project_id, WHOLE_DAY, family=family)

    with django_assert_num_queries(0):
        assert top(project_id, WHOLE_DAY, family=family) == found
    assert top(project_id, WHOLE_DAY, family=family, limit=1) == found[:1]
    assert top(beta.pk, WHOLE_DAY, family=family) == []
    assert top(project_id, WHOLE_DAY.previous(), family=family) == []


def test_top_stops_at_its_limit(project_id):
    assert len(top(project_id, WHOLE_DAY, family="model", limit=2)) == 2


def test_what_waits_makes_data_old(alpha):
    send_events(make_sender(alpha), make_day())
    now = InboxBatch.objects.get().received_at + datetime.timedelta(seconds=40)

    found = freshness(alpha.pk, now=now)

    assert found.pending_batches == 1
    assert found.oldest_pending_seconds == pytest.approx(40)
    assert found.data_until == now - datetime.timedelta(seconds=found.oldest_pending_seconds)


def test_nothing_waiting_means_data_up_to_now(alpha):
    now = timezone.now()

    assert freshness(alpha.pk, now=now).data_until == now


def test_latency_follows_its_rows_though_sums_are_kept(project_id):
    before = totals(project_id, WHOLE_DAY).latency.p50
    calls = UsageRollup.objects.filter(project_id=project_id, family=0, kind=Kind.LLM)

    calls.update(latency=sketch_of_counts({bucket_of(5_000_000): 1}))

    assert before == pytest.approx(1000, rel=0.01)
    assert totals(project_id, WHOLE_DAY).latency.p50 == pytest.approx(5000, rel=0.01)


def test_what_was_merged_once_is_not_merged_again(project_id, django_assert_num_queries):
    series(project_id, metric="latency_p95", interval="day", time_range=WHOLE_DAY)

    with django_assert_num_queries(1):
        series(project_id, metric="latency_p50", interval="day", time_range=WHOLE_DAY)


@pytest.mark.parametrize("metric", ["events", "llm_calls", "errors", "cost", "latency_p50"])
def test_a_series_of_one_environment_sums_to_its_totals(project_id, metric):
    found = series(
        project_id, metric=metric, interval="day", time_range=WHOLE_DAY, environment="staging"
    )
    summed = totals(project_id, WHOLE_DAY, environment="staging")
    expected = {
        "events": summed.events,
        "llm_calls": summed.llm_calls,
        "errors": summed.errors,
        "cost": summed.cost_usd,
        "latency_p50": summed.latency.p50,
    }

    assert [bucket.values["all"] for bucket in found.buckets] == [expected[metric]]


@pytest.mark.parametrize(
    ("metric", "group_by"), [("sessions", ""), ("cost", "model"), ("events", "prompt")]
)
def test_what_is_not_kept_by_environment_is_refused(project_id, metric, group_by):
    with pytest.raises(SeriesError) as refused:
        series(
            project_id,
            metric=metric,
            interval="day",
            time_range=WHOLE_DAY,
            group_by=group_by,
            environment="staging",
        )

    assert refused.value.field == "environment"

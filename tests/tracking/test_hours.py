"""Edges of hours, days, months and zones: buckets are hours of UTC, whatever a sender says."""

import datetime
import json
from zoneinfo import ZoneInfo

import pytest

from core.timebuckets import parse_range
from tests.flows import digest_all, drift_of, make_sender, send_events, status_of
from tracking.adapters.analytics_times import BadTimeError, parse_time
from tracking.models import Event, UsageRollup
from tracking.series import series
from tracking.totals import totals

pytestmark = pytest.mark.usefixtures("pipeline")

UTC = datetime.UTC
MIDNIGHTS = [
    "2026-02-28T23:59:59.999999+00:00",
    "2026-03-01T00:00:00+00:00",
    "2024-02-29T23:59:59.999999+00:00",  # of a leap year
    "2024-03-01T00:00:00+00:00",
    "2025-12-31T23:59:59.999999+00:00",
    "2026-01-01T00:00:00+00:00",
]
DAYLIGHT = [  # the hours that are left out and repeated in Berlin and New York
    "2026-03-29T00:59:59.999999+00:00",
    "2026-03-29T01:00:00+00:00",
    "2025-10-26T00:30:00+00:00",
    "2025-10-26T01:30:00+00:00",
    "2026-03-08T06:59:59+00:00",
    "2025-11-02T05:30:00+00:00",
    "2025-11-02T06:30:00+00:00",
]
MOMENTS = [datetime.datetime.fromisoformat(text) for text in MIDNIGHTS + DAYLIGHT]
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]
OFFSETS = {"+14": 14, "-12": -12}


def zones():
    return [
        *(ZoneInfo(name) for name in ZONES),
        *(datetime.timezone(datetime.timedelta(hours=hours)) for hours in OFFSETS.values()),
    ]


def point(at, **fields):
    return {"type": "tick", "timestamp": at, "data": {"n": 1}, **fields}


@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_an_event_counts_in_its_hour_of_utc_from_every_zone(alpha, moment):
    sender = make_sender(alpha)
    said = [moment.astimezone(zone).isoformat() for zone in zones()]
    send_events(sender, [point(at, id=f"{n}") for n, at in enumerate(said)])
    digest_all()

    assert {event.occurred_at for event in Event.objects.all()} == {moment}
    rows = UsageRollup.objects.filter(family=UsageRollup.Family.ALL, n__gt=0)
    assert {row.hour for row in rows} == {moment.replace(minute=0, second=0, microsecond=0)}
    assert sum(row.n for row in rows) == len(said)
    assert drift_of(alpha.pk) == []


def test_a_span_over_midnight_counts_once_where_it_began(alpha):
    start = datetime.datetime(2026, 2, 28, 23, 59, 59, tzinfo=UTC)
    ns = int(start.timestamp()) * 10**9
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "x"}
    span |= {"startTimeUnixNano": str(ns), "endTimeUnixNano": str(ns + 2 * 10**9)}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    make_sender(alpha).post("/v1/traces", json.dumps(body), content_type="application/json")
    digest_all()

    rows = UsageRollup.objects.filter(family=UsageRollup.Family.ALL, n_spans__gt=0)
    assert [(row.hour.day, row.n_spans) for row in rows] == [(28, 1)]


@pytest.mark.parametrize("zone", zones(), ids=str)
def test_a_sum_over_the_days_of_any_zone_is_the_sum_of_all(alpha, zone):
    send_events(make_sender(alpha), [point(m.isoformat(), id=str(m)) for m in MOMENTS])
    digest_all()

    days = sorted({moment.astimezone(zone).date() for moment in MOMENTS})
    sums = [totals(alpha.pk, range_of(day, zone)).events for day in days]

    if all_hours_whole(zone):
        assert sum(sums) == len(MOMENTS)
    assert min(sums) > 0
    assert status_of(alpha).stored_events == len(MOMENTS)


def all_hours_whole(zone):
    """Days of a zone that is not whole hours from UTC share an hour with their neighbours."""
    return all(m.astimezone(zone).utcoffset().seconds % 3600 == 0 for m in MOMENTS)


def range_of(day, zone):
    start = datetime.datetime.combine(day, datetime.time(), zone)
    end = datetime.datetime.combine(day + datetime.timedelta(days=1), datetime.time(), zone)
    now = datetime.datetime(2026, 6, 1, tzinfo=UTC)
    said = (start.astimezone(UTC).isoformat(), end.astimezone(UTC).isoformat())
    return parse_range(start=said[0], end=said[1], now=now)


def test_days_of_a_series_have_every_event_once(alpha):
    send_events(make_sender(alpha), [point(m.isoformat(), id=str(m)) for m in MOMENTS])
    digest_all()
    whole = parse_range(start="2026-02-01", end="2026-04-01", interval="day", now=MOMENTS[0])
    found = series(alpha.pk, metric="events", interval="day", time_range=whole)

    counts = {b.at.date().isoformat(): sum(b.values.values()) for b in found.buckets}
    assert {day: n for day, n in counts.items() if n} == {
        "2026-02-28": 1,
        "2026-03-01": 1,
        "2026-03-08": 1,
        "2026-03-29": 2,
    }


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00+00:00"),
        ("2016-12-31T23:59:60.250Z", "2017-01-01T00:00:00.250+00:00"),
        ("2017-01-01T08:59:60+09:00", "2017-01-01T00:00:00+00:00"),
    ],
)
def test_a_leap_second_is_the_second_after_it(said, meant):
    assert parse_time(said) == parse_time(meant)


@pytest.mark.parametrize("said", ["2016-12-31T23:59:61Z", "2016-12-31T23:60:60Z", "T::60", "T60"])
def test_what_only_looks_like_a_leap_second_is_no_time(said):
    with pytest.raises(BadTimeError, match="is not a time like"):
        parse_time(said)

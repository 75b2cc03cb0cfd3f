from datetime import UTC, datetime, timedelta

import pytest

from core.timebuckets import (
    Interval,
    RangeError,
    TimeRange,
    ceil_to,
    fill_gaps,
    floor_to,
    parse_range,
)

NOW = datetime(2026, 3, 4, 10, 25, 30, tzinfo=UTC)  # a Wednesday


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("interval", "start"),
    [
        (Interval.MINUTE, "2026-03-04 10:25"),
        (Interval.FIVE_MINUTES, "2026-03-04 10:25"),
        (Interval.HOUR, "2026-03-04 10:00"),
        (Interval.DAY, "2026-03-04"),
        (Interval.WEEK, "2026-03-02"),
    ],
)
def test_it_floors_to_the_bucket(interval, start):
    assert floor_to(NOW, interval) == at(start)


def test_it_leaves_an_edge_where_it_is():
    assert ceil_to(at("2026-03-04 10:00"), Interval.HOUR) == at("2026-03-04 10:00")
    assert floor_to(at("2026-03-04 10:00"), Interval.HOUR) == at("2026-03-04 10:00")


def test_it_floors_times_before_1970():
    assert floor_to(at("1969-12-31 23:59"), Interval.DAY) == at("1969-12-31")


def test_it_floors_in_utc_whatever_the_zone():
    noon = datetime.fromisoformat("2026-03-04T01:30+02:00")

    assert floor_to(noon, Interval.DAY) == at("2026-03-03")


def test_it_widens_a_preset_to_whole_hours():
    assert parse_range("24h", now=NOW) == TimeRange(
        at("2026-03-03 10:00"), at("2026-03-04 11:00"), Interval.HOUR
    )


@pytest.mark.parametrize(
    ("preset", "interval"),
    [("90m", "hour"), ("4d", "day"), ("3d", "hour"), ("30d", "day"), ("52w", "week")],
)
def test_it_picks_a_readable_interval(preset, interval):
    assert parse_range(preset, now=NOW).interval == interval


def test_a_day_as_the_end_means_the_whole_day():
    found = parse_range(start="2026-03-01", end="2026-03-02", now=NOW)

    assert (found.start, found.end) == (at("2026-03-01"), at("2026-03-03"))


def test_it_reads_zones_even_when_the_plus_was_not_encoded():
    found = parse_range(start="2026-03-01T02:00 02:00", end="2026-03-01T06:00Z", now=NOW)

    assert (found.start, found.end) == (at("2026-03-01"), at("2026-03-01 06:00"))


@pytest.mark.parametrize(
    "arguments",
    [
        {"preset": "soon"},
        {"preset": "0h"},
        {"preset": "99999w"},
        {"preset": "٣h"},
        {"start": "yesterday"},
        {"start": "2026-03-05", "end": "2026-03-01"},
        {"start": "0001-01-01", "end": "9999-12-31"},
        {"end": "9999-12-31"},
        {"start": "2026-03-04T11:00Z"},
        {"preset": "24h", "interval": "second"},
        {"preset": "400d", "interval": "hour"},
    ],
    ids=str,
)
def test_it_refuses_what_cannot_be_a_range(arguments):
    with pytest.raises(RangeError):
        parse_range(now=NOW, **arguments)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("from", {"start": "yesterday", "end": "2026-03-04"}),
        ("to", {"start": "2026-03-01", "end": "tomorrow"}),
        ("from", {"start": "2026-03-04", "end": "2026-03-01"}),
        ("range", {"preset": "soon"}),
        ("range", {"preset": "9999w"}),
        ("interval", {"preset": "24h", "interval": "year"}),
        ("interval", {"preset": "400d", "interval": "hour"}),
    ],
    ids=str,
)
def test_it_names_the_parameter_that_is_wrong(field, arguments):
    with pytest.raises(RangeError) as caught:
        parse_range(now=NOW, **arguments)

    assert caught.value.field == field


def test_it_fills_gaps():
    three_hours = TimeRange(at("2026-03-04 08:00"), at("2026-03-04 11:00"), Interval.HOUR)

    filled = fill_gaps(three_hours, {at("2026-03-04 09:00"): 7}, 0)

    assert filled == [
        (at("2026-03-04 08:00"), 0),
        (at("2026-03-04 09:00"), 7),
        (at("2026-03-04 10:00"), 0),
    ]


def test_the_first_bucket_may_begin_before_the_range():
    days = TimeRange(at("2026-03-03 22:00"), at("2026-03-04 03:00"), Interval.DAY)

    assert list(days.buckets()) == [at("2026-03-03"), at("2026-03-04")]


def test_the_previous_range_touches_this_one():
    day = parse_range("24h", now=NOW)

    assert day.previous().end == day.start
    assert day.previous().span == day.span == timedelta(hours=25)

from datetime import UTC, datetime

import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st

from core.timebuckets import Interval, TimeRange
from tracking.filters import EventFilter, FilterError, parse_filter, to_query

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def test_nothing_asked_filters_nothing():
    assert parse_filter({}) == EventFilter()


def test_parameters_of_others_are_left_alone():
    assert parse_filter({"cursor": "x", "page_size": "5", "tab": "y"}) == EventFilter()


def test_every_kind_of_parameter_is_read():
    found = parse_filter(
        QueryDict("model=gpt-4o&cost_gte=0.5&metadata.plan=pro&implicit=1&sort=-cost&tag=%20vip%20")
    )

    assert found == EventFilter(
        model="gpt-4o",
        cost_gte=0.5,
        metadata=(("plan", "pro"),),
        implicit=True,
        sort="-cost",
        tag="vip",
    )


def test_a_range_is_widened_to_its_hours():
    found = parse_filter({"from": "2026-03-01T08:20Z", "to": "2026-03-01T09:10Z"})

    assert found.time_range == TimeRange(
        datetime(2026, 3, 1, 8, tzinfo=UTC), datetime(2026, 3, 1, 10, tzinfo=UTC), Interval.HOUR
    )


def test_a_preset_counts_back_from_now():
    found = parse_filter({"range": "2h"}, now=NOW)

    assert found.time_range.start == datetime(2026, 3, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "params"),
    [
        ("kind", {"kind": "cat"}),
        ("status", {"status": "fine"}),
        ("variant", {"variant": "a"}),
        ("prompt_version", {"prompt_version": "2"}),
        ("cost_gte", {"cost_gte": "much"}),
        ("cost_lte", {"cost_lte": "inf"}),
        ("tokens_gte", {"tokens_gte": "-1"}),
        ("user_id", {"user_id": "x" * 513}),
        ("q", {"q": "a\x00b"}),
        ("metadata.k", {"metadata.k": "\x00"}),
        ("metadata", {f"metadata.{n}": "x" for n in range(11)}),
        ("from", {"from": "2026-03-02"}),
        ("from", {"from": "2026-03-02", "to": "2026-03-01"}),
        ("range", {"range": "soon"}),
    ],
)
def test_nonsense_is_refused_by_name(field, params):
    now = None if params == {"from": "2026-03-02"} else NOW

    with pytest.raises(FilterError) as caught:
        parse_filter(params, now=now)

    assert caught.value.field == field


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=40)
words = texts.map(str.strip)
numbers = st.none() | st.floats(0, 1e15)


@given(
    st.builds(
        EventFilter,
        model=words,
        error=words,
        tag=words,
        q=words,
        kind=st.sampled_from(["", "llm", "tool"]),
        metadata=st.dictionaries(words.filter(bool), words.filter(bool), max_size=3).map(
            lambda held: tuple(sorted(held.items()))
        ),
        cost_gte=numbers,
        tokens_lte=numbers,
        implicit=st.booleans(),
        time_range=st.sampled_from(
            [
                None,
                TimeRange(
                    datetime(2026, 3, 1, tzinfo=UTC),
                    datetime(2026, 3, 2, tzinfo=UTC),
                    Interval.HOUR,
                ),
                TimeRange(
                    datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 3, tzinfo=UTC), Interval.DAY
                ),
            ]
        ),
    )
)
def test_a_filter_survives_its_own_query_string(flt):
    assert parse_filter(QueryDict(to_query(flt))) == flt

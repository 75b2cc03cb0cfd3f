"""Latency sketches: one per cent, exact sums, and the same arithmetic in PostgreSQL."""

import random
from collections import Counter

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracking.sketches import (
    MAX_COUNT,
    MERGE_FUNCTION_SQL,
    SUM_AGGREGATE_SQL,
    ZERO_BUCKET,
    bucket_of,
    merge_sketches,
    quantiles,
    sketch_of_counts,
    sketch_size,
    value_of,
)

counts = st.dictionaries(
    st.integers(ZERO_BUCKET, 2200), st.integers(-MAX_COUNT, MAX_COUNT), max_size=20
)
sketches = st.one_of(st.none(), counts.map(sketch_of_counts))


def build_sketch(values):
    """The sketch of whole numbers (microseconds)."""
    return sketch_of_counts(Counter(map(bucket_of, values)))


def negate_sketch(sketch):
    """What takes a sketch away again when it is merged."""
    return sketch_of_counts({entry >> 32: -sketch_size([entry]) for entry in sketch})


def quantile(sketch, share):
    return quantiles(sketch, (share,))[0]


@given(st.integers(1, 2**63 - 1))
def test_it_keeps_every_value_within_one_percent(value):
    assert value_of(bucket_of(value)) == pytest.approx(value, rel=0.0100001)


@pytest.mark.parametrize("value", [0, -1, -(2**63)])
def test_it_counts_zero_and_below_in_their_own_bucket(value):
    sketch = build_sketch([value, value])

    assert sketch == sketch_of_counts({ZERO_BUCKET: 2})
    assert quantile(sketch, 0.5) == 0.0


def test_it_packs_bucket_and_count_into_one_number():
    assert build_sketch([1, 1, 1]) == [3]
    assert sketch_of_counts({2: -1}) == [(2 << 32) + 0xFFFFFFFF]
    assert sketch_of_counts({ZERO_BUCKET: 1}) == [-(1 << 32) + 1]


def test_it_finds_quantiles_of_a_sample_within_one_percent():
    rng = random.Random(7)
    values = sorted(int(rng.lognormvariate(13, 1.2)) for _ in range(5001))
    sketch = build_sketch(values)

    for share in (0.0, 0.5, 0.95, 0.99, 1.0):
        assert quantile(sketch, share) == pytest.approx(values[round(share * 5000)], rel=0.0101)
    assert quantiles(sketch, (0.5, 0.95)) == [quantile(sketch, 0.5), quantile(sketch, 0.95)]


@pytest.mark.parametrize("sketch", [None, [], sketch_of_counts({3: 1, 4: -1})])
def test_it_has_no_quantile_of_nothing(sketch):
    assert quantile(sketch, 0.5) is None


def test_it_refuses_quantiles_out_of_order():
    with pytest.raises(ValueError, match="ascending"):
        quantiles([3], (0.9, 0.5))


@given(st.lists(st.integers(-5, 10**12)), st.lists(st.integers(-5, 10**12)))
def test_it_merges_to_the_sketch_of_all_values(left, right):
    both = build_sketch(left + right)

    assert merge_sketches(build_sketch(left), build_sketch(right)) == both
    assert merge_sketches(both, negate_sketch(build_sketch(right))) == build_sketch(left)
    assert sketch_size(both) == len(left) + len(right)


def test_it_saturates_instead_of_spilling_into_the_next_bucket():
    full = sketch_of_counts({5: MAX_COUNT})

    assert merge_sketches(full, full) == full
    assert merge_sketches(negate_sketch(full), negate_sketch(full)) == negate_sketch(full)


@pytest.fixture
def functions(db):
    with connection.cursor() as cursor:
        cursor.execute(MERGE_FUNCTION_SQL)
        cursor.execute(SUM_AGGREGATE_SQL)


def ask(query, *values):
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchone()[0]


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(left=sketches, right=sketches)
def test_it_merges_in_postgresql_as_in_python(functions, left, right):
    merged = ask("SELECT assay_sketch_merge(%s::int8[], %s::int8[])", left, right)

    expected = None if left is None and right is None else merge_sketches(left, right)
    assert merged == expected


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=st.lists(st.lists(st.integers(0, 10**9), max_size=30).map(build_sketch), max_size=8))
def test_it_sums_rows_in_postgresql_as_in_python(functions, rows):
    texts = ["{" + ",".join(map(str, row)) + "}" for row in rows] + [None]

    summed = ask("SELECT assay_sketch_sum(row::int8[]) FROM unnest(%s::text[]) AS row", texts)

    assert (summed or []) == merge_sketches(*rows)


def test_it_sums_more_entries_than_it_gathers_at_once(functions):
    row = sketch_of_counts(dict.fromkeys(range(1000), 2))

    summed = ask("SELECT assay_sketch_sum(%s::int8[]) FROM generate_series(1, 30)", row)

    assert summed == sketch_of_counts(dict.fromkeys(range(1000), 60))

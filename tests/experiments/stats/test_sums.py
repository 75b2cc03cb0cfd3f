import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.stats.moments import moments_of
from experiments.stats.sums import (
    CupedSums,
    ImpossibleSumsError,
    MeanSums,
    ProportionSums,
    RatioSums,
)

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30)


def mean_sums(numbers):
    return MeanSums(len(numbers), math.fsum(numbers), math.fsum(y * y for y in numbers))


@pytest.mark.parametrize(
    ("kind", "numbers"),
    [
        (ProportionSums, (10, 11)),
        (ProportionSums, (10, -1)),
        (ProportionSums, (-1, 0)),
        (MeanSums, (-1, 0.0, 0.0)),
        (MeanSums, (0, 1.0, 1.0)),
        (MeanSums, (2, math.nan, 1.0)),
        (MeanSums, (2, 1.0, math.inf)),
        (MeanSums, (2, 10.0, 1.0)),
        (MeanSums, (2, 0.0, -1.0)),
        (RatioSums, (2, 10.0, 1.0, 1.0, 1.0, 1.0)),
        (CupedSums, (2, 1.0, 1.0, 10.0, 1.0, 1.0)),
    ],
)
def test_it_refuses_impossible_sums(kind, numbers):
    with pytest.raises(ImpossibleSumsError):
        kind(*numbers)


def test_it_forgives_rounding_of_equal_values():
    numbers = [0.1] * 10_000

    sums = MeanSums(10_000, sum(numbers), sum(y * y for y in numbers))

    assert moments_of(sums).variance == 0.0


@given(values, values)
def test_sums_of_parts_are_the_sums_of_the_whole(first, second):
    whole, parts = mean_sums(first + second), mean_sums(first) + mean_sums(second)

    assert parts.n == whole.n
    assert parts.total == pytest.approx(whole.total, rel=1e-9, abs=1e-6)
    assert parts.squares == pytest.approx(whole.squares, rel=1e-9, abs=1e-6)


def test_different_kinds_do_not_add():
    with pytest.raises(TypeError):
        ProportionSums(1, 1) + MeanSums(1, 1.0, 1.0)


def test_a_ratio_with_one_call_a_unit_is_a_mean():
    ys = [1.0, 0.0, 4.0, 2.0]
    ratio = RatioSums(4, 7.0, 21.0, 4.0, 4.0, 7.0)

    assert moments_of(ratio).mean == moments_of(mean_sums(ys)).mean
    assert moments_of(ratio).variance == pytest.approx(moments_of(mean_sums(ys)).variance)


def test_a_ratio_without_a_denominator_has_no_moments():
    assert moments_of(RatioSums(3, 0.0, 0.0, 0.0, 0.0, 0.0)) is None

import math
import random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from experiments.stats.differences import compare
from experiments.stats.outcomes import Status
from experiments.stats.sequential import compare_always_valid
from experiments.stats.sums import MeanSums, ProportionSums, RatioSums

samples = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=40)


def sums_of(numbers):
    return MeanSums(len(numbers), math.fsum(numbers), math.fsum(y * y for y in numbers))


@given(samples, samples)
def test_it_agrees_with_scipy(first, second):
    assume(len(set(first)) > 1 and len(set(second)) > 1)

    found = compare(sums_of(first), sums_of(second))
    expected = stats.ttest_ind(second, first, equal_var=False)

    assert found.p == pytest.approx(expected.pvalue, rel=1e-6, abs=1e-12)
    bounds = expected.confidence_interval()
    assert found.interval.low == pytest.approx(bounds.low, rel=1e-6, abs=1e-6)


@given(samples, samples)
def test_swapping_the_arms_mirrors_the_interval(first, second):
    assume(len(set(first)) > 1)

    there = compare_always_valid(sums_of(first), sums_of(second), tuning_units=5000)
    back = compare_always_valid(sums_of(second), sums_of(first), tuning_units=5000)

    assert there.value == pytest.approx(-back.value)
    assert there.interval.low == pytest.approx(-back.interval.high)
    assert there.p == pytest.approx(back.p)


@given(samples, samples, st.sampled_from([1e-3, 7.0, 1e6]))
def test_the_unit_of_measure_changes_no_p_value(first, second, scale):
    assume(len(set(first)) > 1)
    scaled = [sums_of([y * scale for y in arm]) for arm in (first, second)]

    found = compare(*scaled)
    expected = compare(sums_of(first), sums_of(second))

    assert found.p == pytest.approx(expected.p, rel=1e-6)
    assert found.value == pytest.approx(expected.value * scale, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("a", "b", "relative", "status"),
    [
        (MeanSums(0, 0.0, 0.0), MeanSums(2, 1.0, 1.0), False, Status.NO_UNITS),
        (MeanSums(1, 1.0, 1.0), MeanSums(2, 1.0, 1.0), False, Status.TOO_FEW),
        (MeanSums(2, 2.0, 2.0), MeanSums(2, 4.0, 8.0), False, Status.ZERO_VARIANCE),
        (MeanSums(2, 0.0, 2.0), MeanSums(2, 1.0, 1.0), True, Status.BASELINE_UNUSABLE),
        (ProportionSums(9, 9), ProportionSums(8, 8), False, Status.ZERO_VARIANCE),
    ],
)
def test_it_says_why_there_is_no_answer(a, b, relative, status):
    for found in (
        compare(a, b, relative=relative),
        compare_always_valid(a, b, relative=relative, tuning_units=5000),
    ):
        assert found.status is status
        assert (found.value, found.interval, found.p) == (None, None, None)


def test_the_error_of_a_ratio_matches_a_bootstrap_of_sessions():
    draw = random.Random(7)
    units = [(c * (0.5 + draw.random()), float(c)) for c in draw.choices(range(1, 9), k=400)]
    sums = ratio_sums(units)

    found = compare(sums, sums)
    ratios = [ratio_of(draw.choices(units, k=400)) for _ in range(800)]
    centre = math.fsum(ratios) / 800
    se = math.sqrt(math.fsum((r - centre) ** 2 for r in ratios) / 799)

    assert found.se == pytest.approx(se * math.sqrt(2), rel=0.1)


def ratio_sums(units):
    return RatioSums(
        len(units),
        math.fsum(m for m, _ in units),
        math.fsum(m * m for m, _ in units),
        math.fsum(d for _, d in units),
        math.fsum(d * d for _, d in units),
        math.fsum(m * d for m, d in units),
    )


def ratio_of(units):
    return sum(m for m, _ in units) / sum(d for _, d in units)


huge = st.floats(-1e60, 1e60, allow_nan=False)


@given(st.lists(huge, min_size=2, max_size=9), st.lists(huge, min_size=2, max_size=9))
def test_no_values_up_to_1e60_leave_the_numbers(first, second):
    a, b = sums_of(first), sums_of(second)

    for relative in (False, True):
        for found in (
            compare(a, b, relative=relative),
            compare_always_valid(a, b, relative=relative, tuning_units=5000),
        ):
            assert found.status in set(Status)
            if found.is_ok:
                numbers = [found.value, found.se, found.p, found.interval.low, found.interval.high]
                assert all(map(math.isfinite, numbers))

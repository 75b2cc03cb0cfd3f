import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.stats.bayes import Beta, chance_above, expected_shortfall
from experiments.stats.outcomes import Status
from experiments.stats.proportions import is_at_edge, newcombe_difference, wilson_interval
from experiments.stats.sums import ProportionSums

rates = st.integers(1, 200).flatmap(
    lambda n: st.integers(0, n).map(lambda successes: ProportionSums(n, successes))
)


def test_an_arm_without_a_failure_still_has_an_interval():
    found = newcombe_difference(ProportionSums(100, 100), ProportionSums(100, 100))

    assert found.value == 0.0
    assert found.interval.low == pytest.approx(-0.0370, abs=1e-4)
    assert found.interval.high == pytest.approx(0.0370, abs=1e-4)


def test_it_needs_units():
    found = newcombe_difference(ProportionSums(0, 0), ProportionSums(1, 1))

    assert found.status is Status.NO_UNITS


@given(rates, rates)
def test_the_interval_stays_within_what_rates_can_do(a, b):
    found = newcombe_difference(a, b)

    assert -1 <= found.interval.low <= found.value <= found.interval.high <= 1


@given(rates)
def test_the_score_interval_holds_the_rate(sums):
    assert wilson_interval(sums).holds(sums.successes / sums.n)


@pytest.mark.parametrize(("successes", "expected"), [(0, True), (3, False), (7, True)])
def test_an_edge_is_none_or_all(successes, expected):
    assert is_at_edge(ProportionSums(7, successes)) is expected


def test_a_chance_to_win_is_exact_for_small_counts():
    flat, one_success = Beta.after(ProportionSums(0, 0)), Beta.after(ProportionSums(1, 1))

    assert chance_above(one_success, flat) == pytest.approx(2 / 3)
    assert expected_shortfall(flat, one_success) == pytest.approx(1 / 4)


@given(rates, rates)
def test_the_chances_of_both_arms_add_to_one(a, b):
    first, second = Beta.after(a), Beta.after(b)

    assert chance_above(first, second) + chance_above(second, first) == pytest.approx(1)

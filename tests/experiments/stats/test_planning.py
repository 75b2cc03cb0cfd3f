"""Multiplicity, split and power: small cases worked by hand."""

import pytest

from experiments.stats.multiplicity import adjust_benjamini_hochberg, adjust_holm
from experiments.stats.power import (
    days_left,
    detectable_difference,
    sequential_inflation,
    units_needed,
)
from experiments.stats.sequential import half_width
from experiments.stats.srm import check_split


def test_holm_multiplies_by_what_is_left_and_never_falls():
    assert adjust_holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])


def test_no_questions_need_no_correction():
    assert adjust_holm([]) == []
    assert adjust_benjamini_hochberg([]) == []


def test_a_split_that_is_off_is_blocked():
    found = check_split([1000, 1200], [50, 50])

    assert found.status == "block"
    assert found.chi2_p == pytest.approx(0.00002, abs=1e-6)
    assert found.p < 0.001


@pytest.mark.parametrize(
    ("counts", "weights", "status"),
    [
        ([500, 510], [50, 50], "ok"),
        ([900, 100], [90, 10], "ok"),
        ([500, 0, 510], [50, 0, 50], "ok"),
        ([0, 0], [50, 50], "no_units"),
        ([10], [100], "no_units"),
        ([1_000_000, 1_000_000], [1, 1], "ok"),
    ],
)
def test_it_judges_a_split(counts, weights, status):
    assert check_split(counts, weights).status == status


def test_what_was_needed_is_what_can_be_detected():
    needed = units_needed(0.3, 2.0)

    assert detectable_difference(needed, 2.0) == pytest.approx(0.3)


def test_looking_at_every_moment_costs_units():
    assert 1 < sequential_inflation(5000, alpha=0.05, tuning_units=5000) < 3


def test_the_interval_is_tightest_near_its_tuning():
    widths = [half_width(1.0, 5000, alpha=0.05, tuning_units=t) for t in (500, 5000, 50_000)]

    assert min(widths) == widths[1]


@pytest.mark.parametrize(("missing", "rate", "days"), [(0, 0, 0.0), (100, 50, 2.0), (1, 0, None)])
def test_days_left_follow_the_arrivals(missing, rate, days):
    assert days_left(missing, rate) == days

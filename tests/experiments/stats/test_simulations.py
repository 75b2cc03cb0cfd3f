"""Fixed-seed simulations: what the intervals and tests promise, counted."""

import numpy as np
import pytest

from experiments.stats.differences import compare
from experiments.stats.sequential import compare_always_valid
from experiments.stats.srm import BLOCK_BELOW, check_split
from experiments.stats.sums import MeanSums, ProportionSums

LOOKS = range(40, 2001, 40)  # 50 looks at 2 arms of up to 2,000 units


def arm_sums(values):
    """Return the sums after each look."""
    ends = np.array(LOOKS) - 1
    totals, squares = np.cumsum(values)[ends], np.cumsum(values**2)[ends]
    return [
        MeanSums(int(n), float(t), float(s)) for n, t, s in zip(LOOKS, totals, squares, strict=True)
    ]


def normal_arm(draw, *, mean=0.0):
    return arm_sums(draw.normal(mean, size=2000))


def test_the_fixed_interval_covers_95_percent():
    draw = np.random.default_rng(11)
    covered = 0
    for a, b in zip(
        draw.exponential(1.0, (1000, 150)), draw.exponential(1.3, (1000, 200)), strict=True
    ):
        found = compare(
            MeanSums(150, float(a.sum()), float((a**2).sum())),
            MeanSums(200, float(b.sum()), float((b**2).sum())),
        )
        covered += found.interval.holds(0.3)

    assert 930 <= covered <= 970


def looks_at_nothing(draw):
    """Fifty looks at two arms that do not differ."""
    return list(zip(normal_arm(draw), normal_arm(draw), strict=True))


def test_peeking_fifty_times_keeps_the_error_rate():
    draw = np.random.default_rng(12)
    fooled = 0
    for _ in range(200):
        looks = (compare_always_valid(a, b, tuning_units=5000) for a, b in looks_at_nothing(draw))
        fooled += any(look.p < 0.05 for look in looks)

    assert fooled <= 10


def test_peeking_at_a_fixed_test_fools():
    draw = np.random.default_rng(12)
    fooled = sum(any(compare(a, b).p < 0.05 for a, b in looks_at_nothing(draw)) for _ in range(40))

    assert fooled > 10


def test_the_interval_and_the_p_value_agree_at_every_look():
    draw = np.random.default_rng(13)
    pairs = zip(normal_arm(draw), normal_arm(draw, mean=0.15), strict=True)

    for a, b in pairs:
        found = compare_always_valid(a, b, tuning_units=5000)
        assert (found.p < 0.05) is not found.interval.holds(0.0)


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.9, 0.1], [0.2, 0.3, 0.5]])
def test_a_fair_split_is_not_blocked_over_a_thousand_looks(weights):
    draw = np.random.default_rng(14)
    blocked = 0
    for _ in range(25):
        counts = draw.multinomial(10, weights, size=1000).cumsum(axis=0)
        looks = (check_split([int(n) for n in look], weights) for look in counts)
        blocked += any(look.p < BLOCK_BELOW for look in looks)

    assert blocked == 0


def test_a_rate_close_to_one_keeps_the_error_rate_while_peeked_at():
    draw = np.random.default_rng(15)
    fooled = 0
    for _ in range(200):
        arms = draw.binomial(40, 0.9, size=(2, 50)).cumsum(axis=1)
        fooled += any(
            compare_always_valid(
                ProportionSums(n, int(a)), ProportionSums(n, int(b)), tuning_units=5000
            ).p
            < 0.05
            for n, a, b in zip(LOOKS, *arms, strict=True)
        )

    assert fooled <= 10

"""Decisions: read, paired, summed up."""

from datetime import timedelta

import pytest

from experiments.decisions import collapse_pairs, read_decision, summarise
from tests.experiments.decided import KINDS, NOW, recorded


def decision(kind, seconds=0.0, **changed):
    return read_decision(NOW + timedelta(seconds=seconds), "e", recorded(kind) | changed)


def test_it_reads_the_recorded_kinds():
    decide, explore, exploit, thompson, ucb = (decision(kind) for kind in KINDS)

    assert (decide.strategy, decide.options, decide.score) == ("decide", 3, 0.92)
    assert decide.lead == pytest.approx(0.12)
    assert decide.spread == pytest.approx(0.51)
    assert (explore.strategy, explore.epsilon) == ("epsilon-greedy-explore", 0.1)
    assert exploit.strategy == "epsilon-greedy-exploit"
    assert (thompson.selected, thompson.sample, thompson.prior_mean) == ("warm", 0.8134, 0.75)
    assert (ucb.selected, ucb.count) == ("formal", 10)
    assert ucb.bonus == pytest.approx(0.517)


@pytest.mark.parametrize("value", [None, "x", True, {}, [], float("nan"), 1e300], ids=str)
def test_absurd_data_is_no_number(value):
    data = dict.fromkeys([*recorded("decide"), *recorded("ucb"), *recorded("thompson")], value)

    found = read_decision(NOW, "e", data | {"allScores": [value, 1.0]})

    assert (found.score, found.ucb, found.alpha, found.options) == (None, None, None, None)
    assert found.scores == (1.0,)


def test_the_pair_of_an_exploiting_choice_is_one_decision():
    (found,) = collapse_pairs([decision("epsilon-exploit", 0.2), decision("decide", 0)])

    assert found.strategy == "epsilon-greedy-exploit"
    assert (found.is_pair, found.options, found.scores) == (True, 3, (0.92, 0.8, 0.41))


@pytest.mark.parametrize(
    "other",
    [
        decision("decide", 0, selectedScore=0.5),
        decision("decide", 0, context="Another"),
        decision("decide", -5),
        decision("decide", 5),
        decision("epsilon-explore", 0),
    ],
    ids=["score", "context", "long before", "after", "explored"],
)
def test_what_only_resembles_its_twin_stays(other):
    assert len(collapse_pairs([other, decision("epsilon-exploit", 0.2)])) == 2


def test_each_exploiting_choice_takes_one_twin():
    told = [decision(kind, at) for at in (0, 0.3) for kind in ("decide", "epsilon-exploit")]

    assert [each.is_pair for each in collapse_pairs(told)] == [True, True]
    assert len(collapse_pairs([*told, decision("decide", 0.4)])) == 3


def test_it_counts_strategies_and_how_much_was_explored():
    told = [decision("epsilon-explore", n, epsilon=0.25) for n in range(3)]
    told += [decision("epsilon-exploit", n, epsilon=0.25) for n in range(9)]

    summary = summarise(collapse_pairs(told))

    assert {each.strategy: each.n for each in summary.strategies} == {
        "epsilon-greedy-exploit": 9,
        "epsilon-greedy-explore": 3,
    }
    assert (summary.exploration.share, summary.exploration.epsilon) == (0.25, 0.25)


def test_bandits_are_summed_up_by_option():
    told = [decision("thompson", n, sample=0.5 + n / 10) for n in range(3)]
    told += [decision("thompson", 9, selected="terse", priors={"alpha": 0, "beta": 0})]

    warm, terse = summarise(told).thompson

    assert (warm.selected, warm.n, warm.share) == ("warm", 3, 0.75)
    assert warm.mean_sample == pytest.approx(0.6)
    assert warm.samples == (0.5, 0.7)
    assert terse.last.prior_mean is None


def test_nothing_decided_sums_up_to_nothing():
    summary = summarise([])

    assert (summary.n, summary.strategies, summary.exploration.share) == (0, [], None)

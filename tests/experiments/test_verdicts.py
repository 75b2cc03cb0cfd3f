"""Each verdict from the sums that call for it; no database."""

import pytest

from experiments.cases import Case, Question
from experiments.comparing import Arm, Rule, compare_arms
from experiments.metrics import METRICS
from experiments.results import Finding
from experiments.stats.sums import MeanSums, ProportionSums
from experiments.verdicts import reach_verdict

RULE = Rule(alpha=0.05, tuning_units=5000)
BLOCK = Finding(
    check="traffic_split",
    status="block",
    title="Traffic split is off",
    detail="expected 50/50, got 1000/1200, p = 0.00002",
)


def ask(metric, a, b, *, variant="B"):
    rule = METRICS[metric]
    comparison = compare_arms(rule, Arm("A", a), Arm(variant, b), rule=RULE)
    comparison["p_adjusted"] = comparison["p_always_valid"]
    return Question(
        metric={"name": rule.name, "unit": rule.unit, "type": rule.type, "key": metric}
        | {"direction": rule.direction},
        comparison=comparison,
        control=arm("A", a),
        arm=arm(variant, b),
        floor=rule.floor,
    )


def arm(variant, sums):
    is_rate = isinstance(sums, ProportionSums)
    total = sums.successes if is_rate else sums.total
    kept = {"n": sums.n} | ({"successes": sums.successes} if is_rate else {})
    return {"variant": variant, "n": sums.n, "mean": total / sums.n, "sums": kept}


def rates(a, b, **options):
    return ask("success_rate", ProportionSums(*a), ProportionSums(*b), **options)


def scores(a, b, *, spread=1.0, **options):
    return ask("metric_value", *(scores_of(n, mean, spread) for n, mean in (a, b)), **options)


def scores_of(n, mean, spread):
    return MeanSums(n, n * mean, n * (mean * mean + spread * spread))


def verdict(*questions, health=(), names=("A", "B"), days_left=None, is_over=False):
    case = Case(
        questions=questions,
        health=health,
        names={name: name for name in names},
        unit="session",
        alpha=0.05,
        is_over=is_over,
        days_left=days_left,
    )
    return reach_verdict(case)


def test_a_blocking_finding_comes_before_everything():
    found = verdict(rates((1000, 500), (1200, 1000)), health=[BLOCK])

    assert found["code"] == "untrusted"
    assert found["sentence"] == (
        "Don't trust this yet: traffic split is off (expected 50/50, got 1000/1200, p = 0.00002)."
    )


def test_one_variant_is_nothing_to_compare():
    found = verdict(names=("A",))

    assert found["sentence"] == "Nothing to compare yet: only A was seen."


def test_no_variant_is_nothing_to_compare():
    assert verdict(names=())["sentence"] == "Nothing to compare yet: no variant was seen."


def test_it_is_too_early_below_the_floor():
    found = verdict(rates((84, 10), (90, 80)))

    assert found["code"] == "too_early"
    assert found["sentence"] == ("Too early: 84 of about 100 sessions per variant. No conclusion.")


def test_a_sure_gain_is_better():
    found = verdict(rates((2000, 1600), (2000, 1760)))

    assert (found["code"], found["variant"]) == ("better", "B")
    assert found["sentence"].startswith("B is better: success rate +8 points (between +")
    assert found["sentence"].endswith("Valid however often you look.")


def test_a_sure_loss_is_worse():
    found = verdict(rates((2000, 1760), (2000, 1600)))

    assert (found["code"], found["variant"]) == ("worse", "B")
    assert "success rate −8 points" in found["sentence"]


def test_a_gain_bought_with_a_loss_says_both():
    found = verdict(rates((2000, 1600), (2000, 1760)), scores((2000, 5.0), (2000, 4.5)))

    assert found["code"] == "mixed"
    assert "but metric value fell by 0.50" in found["sentence"]


def test_of_several_winners_the_surest_is_named():
    questions = [
        rates((2000, 1600), (2000, 1740)),
        rates((2000, 1600), (2000, 1820), variant="C"),
    ]

    assert verdict(*questions, names=("A", "B", "C"))["variant"] == "C"


def test_without_failures_it_says_how_large_a_difference_could_be():
    found = verdict(rates((2000, 2000), (2000, 2000)))

    assert found["code"] == "not_measurable"
    assert found["sentence"].startswith(
        "Not measurable: no failures in A and B so far; the difference is at most 0."
    )


def test_a_tight_interval_around_zero_rules_out_what_matters():
    found = verdict(rates((50_000, 40_000), (50_000, 40_000)))

    assert found["code"] == "no_difference"
    assert found["sentence"].startswith("No difference larger than 2 points in success rate")


@pytest.mark.parametrize(
    ("days", "said"), [(0.2, "About a day"), (6.2, "About 6 days"), (437_276.0, "Over a year")]
)
def test_a_wide_interval_says_what_is_possible_and_how_long_it_takes(days, said):
    found = verdict(rates((200, 150), (200, 156)), days_left=days)

    assert found["code"] == "cannot_tell"
    assert found["sentence"].startswith("Can't tell yet: anything from −")
    assert found["sentence"].endswith(f" {said} left.")


@pytest.mark.parametrize("floor", [99, 100])
def test_a_large_difference_of_few_units_is_no_verdict(floor):
    found = verdict(rates((floor, 10), (floor, 90)))

    assert found["code"] == ("better" if floor == 100 else "too_early")


def test_scores_that_never_vary_are_not_measurable():
    found = verdict(ask("metric_value", scores_of(200, 1.0, 0), scores_of(200, 1.0, 0)))

    assert found["sentence"] == "Not measurable: every session has the same metric value."


@pytest.mark.parametrize(
    ("questions", "health", "words"),
    [
        ([], [BLOCK], "Don't trust this: traffic split is off"),
        ([rates((50, 40), (60, 50))], [], "Too few: 50 of about 100 sessions per variant."),
        ([rates((400, 300), (400, 310))], [], "Can't tell: anything from"),
    ],
)
def test_nothing_is_awaited_of_what_is_over(questions, health, words):
    assert verdict(*questions, health=health, is_over=True)["sentence"].startswith(words)

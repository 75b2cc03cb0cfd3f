from dataclasses import replace

import pytest

from experiments.analysis import analyse
from experiments.comparing import Rule
from experiments.declarations import DeclaredMetric
from experiments.guardrails import Margin, hedge, judge_guardrail, word_guardrail
from experiments.metrics import METRICS
from experiments.models import Experiment
from experiments.results import VerdictResult
from experiments.stats.sums import MeanSums, ProportionSums
from tests.experiments.arms import NOW, add_arm_of
from tests.experiments.declared import PLAIN, make_running
from tracking.models import Session

RULE = Rule(alpha=0.05, tuning_units=5_000)
COST, SUCCESS = METRICS["cost_per_unit"], METRICS["success_rate"]
TENTH = Margin(0.1, is_relative=True)
TWO_POINTS = Margin(0.02, is_relative=False)


def around(mean, *, n=1_000, sd=0.1):
    """Sums of n units with this mean and about this spread."""
    return MeanSums(n, mean * n, (mean**2 + sd**2) * n)


@pytest.mark.parametrize(
    ("mean", "state"),
    [(0.8, "safe"), (1.0, "safe"), (1.09, "unsure"), (1.11, "unsure"), (1.3, "breached")],
)
def test_a_relative_margin_is_judged_by_what_the_interval_rules_out(mean, state):
    assert judge_guardrail(COST, TENTH, around(1.0), around(mean), rule=RULE) == state


@pytest.mark.parametrize(
    ("successes", "state"),
    [(9_500, "safe"), (9_000, "safe"), (8_810, "unsure"), (8_000, "breached")],
)
def test_an_absolute_margin_of_a_rate_counts_in_points_downwards(successes, state):
    control, arm = ProportionSums(10_000, 9_000), ProportionSums(10_000, successes)

    assert judge_guardrail(SUCCESS, TWO_POINTS, control, arm, rule=RULE) == state


@pytest.mark.parametrize(
    ("control", "arm"),
    [
        (around(1.0, n=299), around(9.0, n=299)),  # below the floor
        (MeanSums(0, 0, 0), around(1.0)),
        (MeanSums(500, 0, 0), MeanSums(500, 0, 0)),  # everything was free: nothing varies
    ],
)
def test_what_cannot_be_told_is_not_shown_to_be_safe(control, arm):
    assert judge_guardrail(COST, TENTH, control, arm, rule=RULE) == "unsure"


def test_a_rate_that_never_fails_is_judged_too():
    control = arm = ProportionSums(20_000, 20_000)

    assert judge_guardrail(SUCCESS, TWO_POINTS, control, arm, rule=RULE) == "safe"


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("safe", "within the limit of"),
        ("unsure", "not shown to keep to the limit of"),
        ("breached", "past the limit of"),
    ],
)
def test_what_was_seen_is_said_beside_the_limit(state, words):
    said = word_guardrail(COST, TENTH, around(1.0), around(1.05), state=state)

    assert said == f"cost rose 5.0 %, {words} 10.0 %"


def test_a_breach_is_said_with_its_limit():
    control, arm = ProportionSums(100, 90), ProportionSums(100, 85)

    said = word_guardrail(COST, TENTH, around(1.0), around(1.18), state="breached")
    points = word_guardrail(SUCCESS, TWO_POINTS, control, arm, state="breached")

    assert said == "cost rose 18.0 %, past the limit of 10.0 %"
    assert points == "success rate fell by 5 points, past the limit of 2 points"


def guard(state, variant="b"):
    return {
        "metric": "cost_per_unit",
        "name": "cost",
        "variant": variant,
        "state": state,
        "margin": 0.1,
        "margin_kind": "relative",
        "sentence": "cost rose 18.0 %, past the limit of 10.0 %",
    }


@pytest.mark.parametrize(
    ("guards", "code", "sentence"),
    [
        ([], "better", "b is better. Always."),
        ([guard("safe")], "better", "b is better. Always."),
        ([guard("unsure")], "better", "b is better, not shown to be safe on cost. Always."),
        (
            [guard("breached")],
            "mixed",
            "b is better, but cost rose 18.0 %, past the limit of 10.0 %. Always.",
        ),
        ([guard("breached", variant="c")], "better", "b is better. Always."),
    ],
)
def test_a_better_variant_is_told_with_its_guardrails(guards, code, sentence):
    verdict = VerdictResult(code="better", sentence="b is better. Always.", rule="r.", variant="b")

    found = hedge(verdict, guards, ending=". Always.")

    assert (found["code"], found["sentence"]) == (code, sentence)


@pytest.mark.django_db
def test_a_winner_that_costs_too_much_is_no_clean_winner(alpha):
    metrics = (
        DeclaredMetric(metric="success_rate", role="goal"),
        DeclaredMetric(metric="cost_per_unit", role="guardrail", margin=0.1),
    )
    experiment = make_running(alpha, replace(PLAIN, metrics=metrics))
    add_arm_of(alpha, "tone", "control", 400, failing=160)
    add_arm_of(alpha, "tone", "warm", 400, failing=20)
    for at, session in enumerate(Session.objects.order_by("session_id")):
        dear = 2 if session.session_id.startswith("warm") else 1
        session.cost_nano = dear * 1_000_000 + at % 7 * 10_000
        session.save()

    results = analyse(Experiment.objects.get(pk=experiment.pk), now=NOW).results

    assert results["verdict"]["code"] == "mixed"
    assert "), but cost rose 9" in results["verdict"]["sentence"]
    assert [(each["variant"], each["state"]) for each in results["guardrails"]] == [
        ("warm", "breached")
    ]
    (finding,) = (each for each in results["health"] if each["check"] == "guardrails")
    assert finding["title"] == "A guardrail is breached"

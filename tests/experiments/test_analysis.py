import json
from datetime import timedelta

import pytest

from experiments.analysis import MAX_VARIANTS, analyse
from experiments.discovery import find_experiment
from tests.experiments.arms import NOW, add_arm, add_arm_of, add_run, add_session

pytestmark = pytest.mark.django_db


def results_of(project, key, *, now=NOW):
    return analyse(find_experiment(project.pk, key), now=now).results


def metric_of(results, key):
    return next(metric for metric in results["metrics"] if metric["key"] == key)


def arm_of(results, metric, variant):
    return next(arm for arm in metric_of(results, metric)["arms"] if arm["variant"] == variant)


def test_it_counts_rates_of_sessions(alpha):
    add_arm_of(alpha, "tone", "control", 200, failing=40)
    add_arm_of(alpha, "tone", "warm", 200, failing=4)

    results = results_of(alpha, "tone")

    assert arm_of(results, "success_rate", "control")["mean"] == 0.8
    assert arm_of(results, "success_rate", "warm")["sums"] == {"n": 200, "successes": 196}
    comparison = metric_of(results, "success_rate")["comparisons"][0]
    assert comparison["vs"] == "control"
    assert comparison["diff"] == pytest.approx(0.18)
    assert results["verdict"]["code"] == "better"
    assert results["verdict"]["variant"] == "warm"
    assert results["verdict"]["sentence"].startswith("warm is better: success rate +18 points")


def test_it_leaves_out_units_of_several_variants_and_counts_them(alpha):
    add_arm_of(alpha, "tone", "a", 3)
    add_arm_of(alpha, "tone", "b", 2)
    add_arm_of(alpha, "other", "a", 1, start=50)
    for variant in "ab":
        add_both(alpha, variant)

    results = results_of(alpha, "tone")

    assert [variant["units"] for variant in results["variants"]] == [3, 2]
    assert [v["excluded"]["several_variants"] for v in results["variants"]] == [1, 1]
    assert results["units_in_several_variants"] == 1
    assert arm_of(results, "success_rate", "a")["n"] == 3


def add_both(project, variant):
    add_arm(project, "tone", variant, "both", "both", at=NOW - timedelta(hours=2), kind="session")


def test_a_session_counts_when_it_is_old_enough(alpha):
    add_session(alpha, "tone", "a", "old", at=NOW - timedelta(minutes=31))
    add_session(alpha, "tone", "a", "young", at=NOW - timedelta(minutes=29))

    results = results_of(alpha, "tone")

    assert results["variants"][0]["units"] == 2
    assert results["variants"][0]["maturing"] == 1
    assert arm_of(results, "success_rate", "a")["n"] == 1


def test_long_sessions_before_the_start_lengthen_the_wait(alpha):
    for index in range(3):
        add_session(
            alpha,
            "before",
            "a",
            f"long-{index}",
            at=NOW - timedelta(days=3),
            duration_ms=2 * 3600 * 1000,
        )
    add_session(alpha, "tone", "a", "s", at=NOW - timedelta(minutes=90))

    assert results_of(alpha, "tone")["variants"][0]["maturing"] == 1


def test_a_run_counts_when_it_has_ended(alpha):
    add_run(alpha, "runs", "a", "1", metric_value=0.5, duration_ms=100.0)
    add_run(alpha, "runs", "a", "2", outcome="failed", duration_ms=300.0)
    add_run(alpha, "runs", "a", "3", outcome="both", metric_value=0.7, duration_ms=200.0)
    add_run(alpha, "runs", "a", "4", outcome="none")

    results = results_of(alpha, "runs")

    assert results["unit"] == "run"
    assert results["variants"][0]["maturing"] == 1
    assert arm_of(results, "success_rate", "a")["sums"] == {"n": 3, "successes": 1}
    assert arm_of(results, "metric_value", "a")["mean"] == pytest.approx(0.6)
    assert arm_of(results, "metric_value", "a")["missing"] == 1
    assert arm_of(results, "duration", "a")["p50"] == 200.0


def test_money_and_tokens_are_sums_of_a_unit_and_nothing_is_zero(alpha):
    add_session(alpha, "x", "a", "1", cost_nano=2_000_000_000, tokens_in=100, tokens_out=20)
    add_session(alpha, "x", "a", "2")

    results = results_of(alpha, "x")

    assert arm_of(results, "cost_per_unit", "a")["mean"] == 1.0
    assert arm_of(results, "tokens_per_unit", "a")["mean"] == 60.0


def test_a_variant_without_a_price_is_not_the_cheaper_one(alpha):
    for n in range(8):
        add_session(alpha, "x", "a", f"a{n}", cost_nano=2_000_000_000 + n)
        add_session(alpha, "x", "b", f"b{n}", n_unpriced=1 if n else 0)

    results = results_of(alpha, "x")

    known, unknown = (arm_of(results, "cost_per_unit", key) for key in ("a", "b"))
    assert (known["n"], known["missing"]) == (8, 0)
    assert (unknown["n"], unknown["missing"], unknown["mean"]) == (1, 7, 0.0)
    [finding] = [each for each in results["health"] if each["check"] == "unknown_cost"]
    assert (finding["status"], finding["title"]) == ("warn", "43.8 % without a cost")


def test_the_control_is_named_so_else_the_variant_seen_first(alpha):
    add_session(alpha, "named", "a", "1", at=NOW - timedelta(hours=9))
    add_session(alpha, "named", "baseline", "2")
    add_session(alpha, "first", "b", "3", at=NOW - timedelta(hours=9))
    add_session(alpha, "first", "a", "4")

    assert results_of(alpha, "named")["variants"][0]["key"] == "baseline"
    assert results_of(alpha, "first")["variants"][0]["key"] == "b"


def test_a_variant_that_came_later_may_be_the_control(alpha):
    add_session(alpha, "tone", "b", "1")
    assert results_of(alpha, "tone")["variants"][0]["is_control"] is True

    add_session(alpha, "tone", "control", "2")

    controls = [v["key"] for v in results_of(alpha, "tone")["variants"] if v["is_control"]]
    assert controls == ["control"]


def test_a_split_that_is_off_withholds_the_verdict_not_the_numbers(alpha):
    add_arm_of(alpha, "tone", "a", 100)
    add_arm_of(alpha, "tone", "b", 220, failing=100)

    results = results_of(alpha, "tone")

    assert results["srm"]["status"] == "block"
    assert results["verdict"]["code"] == "untrusted"
    assert "expected 50/50, got 100/220" in results["verdict"]["sentence"]
    assert arm_of(results, "success_rate", "b")["n"] == 220


def test_goals_of_two_metrics_are_corrected_together(alpha):
    add_arm_of(alpha, "tone", "a", 120, failing=20, value=lambda i: i % 7)
    add_arm_of(alpha, "tone", "b", 120, failing=10, value=lambda i: i % 7 + 2.0)

    results = results_of(alpha, "tone")

    comparison = metric_of(results, "metric_value")["comparisons"][0]
    assert comparison["p_adjusted"] == pytest.approx(2 * comparison["p_always_valid"])
    assert results["verdict"]["sentence"].startswith("b is better: metric value +2")


def test_an_experiment_nobody_named_does_not_exist(alpha):
    assert find_experiment(alpha.pk, "nothing") is None


def test_other_projects_are_not_read(alpha, beta):
    add_arm_of(alpha, "tone", "a", 2)
    add_arm_of(beta, "tone", "a", 5)

    assert results_of(alpha, "tone")["variants"][0]["units"] == 2


@pytest.mark.parametrize("value", [1e308, -1e308, 1e60, -1e60, 5e-324, 0.0])
def test_absurd_values_break_nothing(alpha, value):
    for index, variant in enumerate("aabb"):
        metric = value if index % 2 else 1.0
        add_run(alpha, "runs", variant, str(index), metric_value=metric, duration_ms=value)

    results = results_of(alpha, "runs")

    assert json.dumps(results, allow_nan=False)
    assert results["verdict"]["code"] == "too_early"


def test_numbers_that_are_no_measurements_are_absent(alpha):
    add_run(alpha, "runs", "a", "1", metric_value=1e308)
    add_run(alpha, "runs", "a", "2", metric_value=2.0)

    arm = arm_of(results_of(alpha, "runs"), "metric_value", "a")

    assert (arm["n"], arm["missing"], arm["mean"]) == (1, 1, 2.0)


def test_a_variant_for_every_request_is_cut_and_said(alpha):
    for index in range(MAX_VARIANTS + 3):
        add_session(alpha, "tone", f"v{index:03}", f"s{index}")
    add_session(alpha, "tone", "control", "s-control")

    results = results_of(alpha, "tone")

    assert len(results["variants"]) == MAX_VARIANTS
    assert results["variants"][0]["key"] == "control"
    finding = next(one for one in results["health"] if one["check"] == "too_many_variants")
    assert finding["title"] == "4 variants not shown"

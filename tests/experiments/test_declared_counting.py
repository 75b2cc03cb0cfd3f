"""Which units of a declared experiment count: its own variants, while it ran."""

from dataclasses import replace
from datetime import timedelta

import pytest

from experiments import left_out
from experiments.analysis import analyse
from experiments.declarations import DeclaredMetric
from experiments.discovery import MAX_DISCOVERED, discover_experiments, find_experiment
from experiments.freshness import analyse_project, current_snapshot
from experiments.lifecycle import change_status, declare, discard_draft
from experiments.models import Experiment, ResultSnapshot
from experiments.unit_lists import Selection, count_behind, list_units
from tests.experiments.arms import NOW, add_arm, add_arm_of, add_run, add_session, count_digested
from tests.experiments.declared import PLAIN, ROBOT, STARTED, make_running
from tracking.models import SessionText

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


def results_of(experiment, *, now=NOW):
    return analyse(Experiment.objects.get(pk=experiment.pk), now=now).results


def units_of(results):
    return {variant["key"]: variant["units"] for variant in results["variants"]}


def findings_of(results):
    return {finding["check"]: finding for finding in results["health"]}


def test_a_draft_counts_nothing(alpha):
    add_arm_of(alpha, "tone", "control", 3)
    experiment = declare(alpha, PLAIN, ROBOT)

    results = results_of(experiment)

    assert units_of(results) == {"control": 0, "warm": 0}
    assert results["verdict"]["code"] == "not_started"


def test_units_count_that_met_it_first_while_it_ran(alpha):
    experiment = make_running(alpha)
    change_status(experiment, "pause", ROBOT, now=STARTED + HOUR)
    change_status(experiment, "start", ROBOT, now=STARTED + 2 * HOUR)
    change_status(experiment, "stop", ROBOT, now=STARTED + 3 * HOUR)
    for at, name in enumerate(["before", "runs", "paused", "again", "after"]):
        add_session(alpha, "tone", "warm", name, at=STARTED + (at - 0.5) * HOUR)
    add_session(alpha, "tone", "control", "edge", at=STARTED)

    results = results_of(experiment)

    assert units_of(results) == {"control": 1, "warm": 2}
    assert [v["excluded"]["before_start"] for v in results["variants"]] == [0, 1]
    assert findings_of(results)["not_running"]["detail"] == (
        "1 met a variant before the start, 2 while the experiment was paused or after its end"
    )
    found = list_units(Experiment.objects.get(), Selection(variant="warm"), now=NOW)
    assert [unit.unit_id for unit in found] == ["again", "runs"]


def test_a_unit_that_met_it_before_the_start_counts_in_no_later_arm(alpha):
    experiment = make_running(alpha)
    add_session(alpha, "tone", "control", "old", at=STARTED - HOUR)
    add_arm(alpha, "tone", "warm", "old", "old", at=STARTED + HOUR, kind="session")

    assert units_of(results_of(experiment)) == {"control": 0, "warm": 0}


def test_undeclared_variants_are_told_and_left_out(alpha):
    experiment = make_running(alpha)
    add_arm_of(alpha, "tone", "control", 4)
    add_arm_of(alpha, "tone", "Warm", 3)
    add_arm(alpha, "tone", "Warm", "control-0", "control-0", at=NOW - 5 * HOUR, kind="session")

    results = results_of(experiment)

    assert units_of(results) == {"control": 3, "warm": 0}
    assert [v["excluded"]["several_variants"] for v in results["variants"]] == [1, 0]
    assert "Warm (4)" in findings_of(results)["unknown_variants"]["detail"]
    experiment = Experiment.objects.get()
    snapshot = current_snapshot(experiment, now=NOW)
    assert count_behind(experiment, Selection(), snapshot, now=NOW) == 3
    assert experiment.variants.count() == 2


def test_the_split_is_judged_by_the_declared_weights(alpha):
    first, second = PLAIN.variants
    variants = (replace(first, weight=80.0), replace(second, weight=20.0))
    experiment = make_running(alpha, replace(PLAIN, variants=variants))
    add_arm_of(alpha, "tone", "control", 240)
    add_arm_of(alpha, "tone", "warm", 60)

    results = results_of(experiment)

    assert results["srm"]["status"] == "ok"
    assert results["srm"]["weights"] == {"control": 80.0, "warm": 20.0}


def test_those_of_its_variants_are_counted_beside_any_number_of_other_names(alpha, monkeypatch):
    monkeypatch.setattr(left_out, "MOST_NAMES", 3)
    experiment = make_running(alpha)
    add_session(alpha, "tone", "warm", "before", at=STARTED - HOUR)
    for name in ("x", "y", "z"):
        add_arm_of(alpha, "tone", name, 2)

    results = results_of(experiment)

    assert [v["excluded"]["before_start"] for v in results["variants"]] == [0, 1]
    assert findings_of(results)["unknown_variants"]["title"] == "2 unknown variants seen"


def test_a_variant_that_nobody_meets_breaks_the_split(alpha):
    experiment = make_running(alpha)
    add_arm_of(alpha, "tone", "control", 120)

    results = results_of(experiment)

    assert units_of(results) == {"control": 120, "warm": 0}
    assert findings_of(results)["traffic_split"]["status"] == "block"
    assert results["verdict"]["code"] == "untrusted"


def test_goals_are_those_that_were_declared(alpha):
    metrics = (
        DeclaredMetric(metric="cost_per_unit", role="goal"),
        DeclaredMetric(metric="success_rate", role="guardrail"),
    )
    experiment = make_running(alpha, replace(PLAIN, metrics=metrics))
    add_arm_of(alpha, "tone", "control", 5)

    results = results_of(experiment)

    assert [(metric["key"], metric["role"]) for metric in results["metrics"]] == [
        ("cost_per_unit", "goal"),
        ("success_rate", "guardrail"),
        ("metric_value", "secondary"),
        ("duration", "secondary"),
        ("tokens_per_unit", "secondary"),
    ]


def test_only_units_of_its_environment_count(alpha):
    experiment = make_running(alpha, replace(PLAIN, environment="prod"))
    add_arm_of(alpha, "tone", "control", 3)
    SessionText.objects.create(
        project_id=alpha.pk, session_id="control-1", facets=["env:prod"], refreshed_at=NOW
    )

    assert units_of(results_of(experiment)) == {"control": 1, "warm": 0}


def test_what_is_left_out_is_of_its_environment_too(alpha):
    experiment = make_running(alpha, replace(PLAIN, environment="prod"))
    for unit in ("in-prod", "in-staging"):
        add_session(alpha, "tone", "warm", unit, at=STARTED - HOUR)
        add_session(alpha, "tone", "Warm", f"{unit}-named", at=STARTED + HOUR)
    for session_id in ("in-prod", "in-prod-named"):
        SessionText.objects.create(
            project_id=alpha.pk, session_id=session_id, facets=["env:prod"], refreshed_at=NOW
        )

    results = results_of(experiment)

    assert [v["excluded"]["before_start"] for v in results["variants"]] == [0, 1]
    assert "Warm (1)" in findings_of(results)["unknown_variants"]["detail"]


def test_runs_are_units_too(alpha):
    experiment = make_running(alpha, replace(PLAIN, unit="run"))
    add_run(alpha, "tone", "control", "r1")
    add_run(alpha, "tone", "warm", "r2", outcome="failed")
    add_run(alpha, "tone", "other", "r3")

    results = results_of(experiment)

    assert units_of(results) == {"control": 1, "warm": 1}
    assert results["variants"][0]["name"] == "control"


def test_an_experiment_and_the_tags_that_name_it_are_one(alpha):
    make_running(alpha)
    add_arm_of(alpha, "tone", "warm", 2)

    discover_experiments(alpha.pk)

    assert Experiment.objects.count() == 1
    assert find_experiment(alpha.pk, "tone").is_declared is True


def test_declared_ones_take_no_room_from_those_that_events_name(alpha):
    add_arm_of(alpha, "found", "a", 1)
    Experiment.objects.bulk_create(
        Experiment(project=alpha, key=f"e{n}", unit="session", source="defined", status="draft")
        for n in range(MAX_DISCOVERED)
    )

    assert discover_experiments(alpha.pk) is True
    assert Experiment.objects.filter(key="found", source="discovered").count() == 1


def test_one_that_events_had_named_becomes_the_declared_one(alpha):
    add_arm_of(alpha, "tone", "blue", 4)
    found = find_experiment(alpha.pk, "tone")
    assert units_of(current_snapshot(found, now=NOW).results) == {"blue": 4}

    declared = declare(alpha, PLAIN, ROBOT)

    assert declared.pk == found.pk
    assert [variant.key for variant in declared.variants.all()] == ["control", "warm"]
    again = current_snapshot(find_experiment(alpha.pk, "tone"), now=NOW)
    assert again.results["verdict"]["code"] == "not_started"


def test_a_reader_that_comes_late_adds_no_variant_to_a_declared_one(alpha):
    add_arm_of(alpha, "tone", "blue", 4)
    known_before = find_experiment(alpha.pk, "tone")
    declare(alpha, PLAIN, ROBOT)

    analyse(known_before, now=NOW)

    variants = Experiment.objects.get().variants.values_list("key", flat=True)
    assert list(variants) == ["control", "warm"]


def test_results_follow_a_change_of_state_without_new_data(alpha):
    experiment = declare(alpha, PLAIN, ROBOT)
    add_arm_of(alpha, "tone", "warm", 2)
    count_digested(alpha)
    (drafted,) = analyse_project(alpha.pk, now=NOW, budget=HOUR)
    assert drafted.snapshot.results["verdict"]["code"] == "not_started"

    change_status(experiment, "start", ROBOT, now=STARTED)
    (running,) = analyse_project(alpha.pk, now=NOW, budget=HOUR, patience=HOUR)

    assert running.snapshot.results["status"] == "running"
    assert units_of(running.snapshot.results) == {"control": 0, "warm": 2}


def test_the_window_of_outcomes_is_frozen_at_the_start(alpha):
    add_session(alpha, "x", "a", "long", at=STARTED - 30 * HOUR, duration_ms=7_200_000)

    experiment = make_running(alpha)

    assert experiment.outcome_window == 2 * HOUR


@pytest.mark.django_db(transaction=True)
def test_a_draft_that_is_discarded_while_it_is_read_does_no_harm(alpha):
    known_before = declare(alpha, PLAIN, ROBOT)
    discard_draft(Experiment.objects.get(), ROBOT)

    assert analyse(known_before, now=NOW).results["verdict"]["code"] == "not_started"
    assert ResultSnapshot.objects.count() == 0

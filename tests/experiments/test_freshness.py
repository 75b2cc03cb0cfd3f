from dataclasses import replace
from datetime import timedelta

import pytest

from core.models import Job
from experiments import freshness
from experiments.discovery import MAX_DISCOVERED, discover_experiments, find_experiment
from experiments.freshness import (
    SLOW,
    analyse_project,
    analyse_projects,
    current_snapshot,
    is_stale,
)
from experiments.models import Experiment, ResultSnapshot
from experiments.tasks import analyse_task
from tests.experiments.arms import NOW, add_arm, add_session, count_digested
from tests.experiments.declared import PLAIN, make_running
from tracking.models import SessionText, SessionToRefresh

pytestmark = pytest.mark.django_db


@pytest.fixture
def kept(alpha):
    """An experiment with results as of NOW."""
    add_session(alpha, "tone", "a", "s1")
    return current_snapshot(find_experiment(alpha.pk, "tone"), now=NOW)


def read(project, *, seconds):
    experiment = find_experiment(project.pk, "tone")
    return current_snapshot(experiment, now=NOW + timedelta(seconds=seconds))


def test_results_are_kept_while_nothing_is_digested(alpha, kept):
    assert read(alpha, seconds=3600).computed_at == NOW


def test_results_are_computed_anew_when_something_was(alpha, kept):
    count_digested(alpha)

    assert read(alpha, seconds=3).computed_at == NOW + timedelta(seconds=3)


@pytest.mark.parametrize("kind", ["reprice", "remap"])
def test_results_are_computed_anew_when_a_job_told_stored_events_anew(alpha, kept, kind):
    """Which counts nothing: the ledger is of what was sent."""
    Job.objects.create(project=alpha, kind=kind, stepped_at=NOW + timedelta(seconds=1))

    assert read(alpha, seconds=3).computed_at == NOW + timedelta(seconds=3)
    assert read(alpha, seconds=3600).computed_at == NOW + timedelta(seconds=3)


def test_a_burst_of_reads_computes_once(alpha, kept):
    count_digested(alpha)

    assert read(alpha, seconds=1).computed_at == NOW


def test_slow_results_wait_for_the_sweep_but_not_for_ever(alpha, kept):
    ResultSnapshot.objects.update(computed_in=SLOW * 2)
    count_digested(alpha)

    assert read(alpha, seconds=29).computed_at == NOW
    assert read(alpha, seconds=31).computed_at == NOW + timedelta(seconds=31)


def test_maturing_units_age_results_without_new_data(alpha):
    add_session(alpha, "tone", "a", "young", at=NOW)
    current_snapshot(find_experiment(alpha.pk, "tone"), now=NOW)

    assert read(alpha, seconds=59).computed_at == NOW
    assert read(alpha, seconds=61).computed_at == NOW + timedelta(seconds=61)


def test_results_of_an_environment_follow_the_texts_that_say_it(alpha):
    """Sessions get them some seconds after they were digested."""
    make_running(alpha, replace(PLAIN, environment="prod"))
    add_session(alpha, "tone", "warm", "s1")
    waiting = SessionToRefresh.objects.create(project_id=alpha.pk, session_id="s1", due_at=NOW)

    assert read(alpha, seconds=0).results["variants"][1]["units"] == 0

    SessionText.objects.create(
        project_id=alpha.pk, session_id="s1", facets=["env:prod"], refreshed_at=NOW
    )
    waiting.delete()

    later = read(alpha, seconds=10)
    assert later.results["variants"][1]["units"] == 1
    assert read(alpha, seconds=3600).computed_at == later.computed_at


def test_another_method_makes_results_stale(kept):
    kept.method_version = "older"

    assert is_stale(kept, mark=kept.source_mark, now=NOW, work=timedelta(0)) is True


@pytest.mark.parametrize(("n_experiments", "seconds"), [(1, 5), (2, 10)])
def test_a_sweep_comes_back_after_ten_times_what_all_of_a_project_takes(
    alpha, n_experiments, seconds
):
    for n in range(n_experiments):
        add_session(alpha, f"tone-{n}", "a", f"s{n}")
    sweep(alpha, at=NOW)
    ResultSnapshot.objects.update(computed_in=timedelta(seconds=0.5))
    count_digested(alpha)

    assert sweep(alpha, at=NOW + timedelta(seconds=seconds - 1)) == {NOW}
    assert sweep(alpha, at=NOW + timedelta(seconds=seconds)) == {NOW + timedelta(seconds=seconds)}


def sweep(project, *, at):
    found = analyse_project(project.pk, now=at, budget=timedelta(seconds=10))
    return {experiment.snapshot.computed_at for experiment in found}


def test_the_sweep_computes_what_is_missing(alpha, beta):
    add_session(alpha, "tone", "a", "s1")
    add_session(beta, "other", "a", "s2")

    analyse_task.run()

    assert sorted(ResultSnapshot.objects.values_list("experiment__key", flat=True)) == [
        "other",
        "tone",
    ]


def test_a_list_reads_what_is_declared_only_of_what_it_computes(
    alpha, django_assert_max_num_queries
):
    make_running(alpha)
    analyse_project(alpha.pk, now=NOW, budget=timedelta(seconds=1))

    with django_assert_max_num_queries(4) as asked:
        analyse_project(alpha.pk, now=NOW, budget=timedelta(seconds=1))

    assert not any("experiments_variant" in query["sql"] for query in asked)


def test_sweeps_of_many_projects_take_turns(alpha, beta):
    add_session(alpha, "tone", "a", "s1")
    add_session(beta, "other", "a", "s2")
    brief = {"budget": timedelta(seconds=1), "turn": timedelta(0)}
    keys = ResultSnapshot.objects.values_list("experiment__key", flat=True)

    analyse_projects(**brief)
    assert len(keys.all()) == 1
    analyse_projects(**brief)

    assert sorted(keys.all()) == ["other", "tone"]


def test_a_sweep_ends_between_two_analyses_when_its_worker_is_to_stop(alpha, beta):
    for number, name in enumerate(("tone", "tools")):
        add_session(alpha, name, "a", f"s{number}")
    add_session(beta, "other", "a", "s2")
    asked = iter([False, True, True])
    terms = {"budget": timedelta(seconds=9), "turn": timedelta(seconds=9)}

    analyse_projects(**terms, stop=lambda: next(asked))

    assert ResultSnapshot.objects.count() == 1


def test_a_project_that_fails_keeps_none_behind_it_waiting(alpha, beta, monkeypatch):
    add_session(alpha, "tone", "a", "s1")
    add_session(beta, "other", "a", "s2")
    sound = freshness.analyse_project

    def fails_for_alpha(project_id, **terms):
        if project_id == alpha.pk:
            raise ValueError("broken")
        return sound(project_id, **terms)

    monkeypatch.setattr(freshness, "analyse_project", fails_for_alpha)
    monkeypatch.setattr(freshness, "_last_project", 0)
    terms = {"budget": timedelta(seconds=1), "turn": timedelta(seconds=1)}

    with pytest.raises(ValueError, match="broken"):
        analyse_projects(**terms)
    with pytest.raises(ValueError, match="broken"):
        analyse_projects(**terms)

    assert ResultSnapshot.objects.get().experiment.key == "other"


def test_a_page_leaves_stale_results_to_the_sweep(alpha, kept):
    count_digested(alpha)

    (found,) = analyse_project(
        alpha.pk, now=NOW + timedelta(minutes=5), budget=timedelta(seconds=-1)
    )

    assert found.snapshot.computed_at == NOW


def test_a_list_is_patient_with_results_that_the_sweep_renews(alpha, kept):
    count_digested(alpha)
    later, budget = NOW + timedelta(seconds=9), timedelta(seconds=1)

    (patient,) = analyse_project(alpha.pk, now=later, budget=budget, patience=timedelta(seconds=10))
    (eager,) = analyse_project(alpha.pk, now=later, budget=budget)

    assert (patient.snapshot.computed_at, eager.snapshot.computed_at) == (NOW, later)


def test_a_page_computes_what_has_no_results_yet(alpha):
    for name in "abc":
        add_session(alpha, name, "a", f"s-{name}")

    found = analyse_project(alpha.pk, now=NOW, budget=timedelta(0))

    assert [experiment.snapshot.computed_at for experiment in found] == [NOW] * 3


def test_so_many_names_do_not_become_experiments(alpha):
    for index in range(3):
        add_arm(alpha, f"e{index}", "a", "u", "u", at=NOW, kind="session")
    Experiment.objects.bulk_create(
        Experiment(project=alpha, key=f"known-{index}", unit="session", started_at=NOW)
        for index in range(MAX_DISCOVERED - 1)
    )

    assert discover_experiments(alpha.pk) is False
    assert Experiment.objects.count() == MAX_DISCOVERED
    assert find_experiment(alpha.pk, "e2") is None

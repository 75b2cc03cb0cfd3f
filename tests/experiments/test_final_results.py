"""Results of stopped experiments: they settle, and stay as they are whatever is deleted since."""

from datetime import timedelta

import pytest
from django.utils import timezone

from experiments.analysis import analyse
from experiments.discovery import find_experiment
from experiments.freshness import analyse_project, current_snapshot
from experiments.lifecycle import MAX_CHANGES, ExperimentError, change_status
from experiments.models import Experiment, ResultSnapshot
from tests.experiments.arms import NOW, add_arm_of, add_session, count_digested
from tests.experiments.declared import PLAIN, ROBOT, STARTED, declare, make_running, post
from tracking.models import ArmSeen, Session

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)
SETTLED = NOW + 31 * MINUTE


def read(project, now):
    return current_snapshot(find_experiment(project.pk, "tone"), now=now)


def units_of(snapshot):
    return {each["key"]: each["units"] for each in snapshot.results["variants"]}


def forget_units(project):
    """As retention leaves it once summaries have reached their age, and other data came."""
    ArmSeen.objects.filter(project_id=project.pk).delete()
    Session.objects.filter(project_id=project.pk).delete()
    count_digested(project, 99)


@pytest.fixture
def stopped(alpha):
    """Stopped at NOW with three units of one variant and two of the other."""
    experiment = make_running(alpha)
    add_arm_of(alpha, "tone", "control", 3)
    add_arm_of(alpha, "tone", "warm", 2)
    change_status(experiment, "stop", ROBOT, now=NOW)
    return experiment


def test_results_stay_when_the_units_are_deleted(alpha, stopped):
    final = read(alpha, SETTLED)
    forget_units(alpha)

    later = read(alpha, NOW + timedelta(days=400))

    assert units_of(later) == units_of(final) == {"control": 3, "warm": 2}
    assert later.computed_at == SETTLED


def test_asking_for_another_analysis_answers_with_the_final_one(alpha, stopped):
    read(alpha, SETTLED)
    forget_units(alpha)

    kept = analyse(find_experiment(alpha.pk, "tone"), now=NOW + timedelta(days=1))

    assert units_of(kept) == {"control": 3, "warm": 2}


def test_what_arrives_until_it_has_settled_still_counts(alpha, stopped):
    read(alpha, NOW + MINUTE)
    add_session(alpha, "tone", "warm", "late", at=NOW - MINUTE)
    count_digested(alpha)

    assert units_of(read(alpha, NOW + 20 * MINUTE)) == {"control": 3, "warm": 3}
    assert read(alpha, SETTLED).results["variants"][1]["maturing"] == 0


def test_the_sweep_makes_results_final_without_new_data(alpha, stopped):
    read(alpha, NOW + MINUTE)

    analyse_project(alpha.pk, now=SETTLED, budget=timedelta(seconds=1))
    analyse_project(alpha.pk, now=SETTLED + MINUTE, budget=timedelta(seconds=1))

    assert ResultSnapshot.objects.get().computed_at == SETTLED


def test_results_are_final_at_once_where_units_are_about_to_be_deleted(alpha, stopped):
    alpha.retention_days = alpha.summary_days = 1
    alpha.save()
    at_stop = NOW + timedelta(hours=20)  # the start, six hours before NOW, is more than a day ago
    Experiment.objects.update(ended_at=at_stop)
    read(alpha, at_stop + MINUTE)
    forget_units(alpha)

    assert units_of(read(alpha, at_stop + 2 * MINUTE)) == {"control": 3, "warm": 2}


def test_an_analysis_begun_before_the_stop_replaces_no_final_results(alpha):
    experiment = make_running(alpha)
    add_arm_of(alpha, "tone", "control", 3)
    before = find_experiment(alpha.pk, "tone")
    change_status(experiment, "stop", ROBOT, now=NOW)
    final = read(alpha, SETTLED)

    late = analyse(before, now=SETTLED)

    assert late.pk == final.pk
    assert ResultSnapshot.objects.get().results["status"] == "stopped"


def test_results_that_span_a_pause_are_computed_anew(alpha):
    experiment = make_running(alpha)
    add_session(alpha, "tone", "warm", "paused", at=STARTED + 30 * MINUTE)
    count_digested(alpha)
    before = find_experiment(alpha.pk, "tone")
    change_status(experiment, "pause", ROBOT, now=STARTED + 20 * MINUTE)
    change_status(experiment, "start", ROBOT, now=STARTED + 40 * MINUTE)

    spanning = analyse(before, now=NOW)

    assert units_of(spanning) == {"control": 0, "warm": 1}
    assert units_of(read(alpha, NOW)) == {"control": 0, "warm": 0}


def test_an_experiment_changes_its_state_so_often_and_can_always_be_stopped(alpha):
    experiment = make_running(alpha)
    for n in range(1, MAX_CHANGES):
        action = "pause" if n % 2 else "start"
        change_status(experiment, action, ROBOT, now=STARTED + n * MINUTE)

    with pytest.raises(ExperimentError, match="100 times.*stop it") as refused:
        change_status(experiment, "start", ROBOT, now=NOW)

    assert refused.value.code == "too_many_changes"
    assert change_status(experiment, "stop", ROBOT, now=NOW).status == "stopped"


def test_the_api_says_that_results_are_final(alpha, api, stopped):
    first = api.get("/api/v1/experiments/tone/results").json()
    forget_units(alpha)

    answer = api.get("/api/v1/experiments/tone/results").json()
    status, analysed = post(api, "/tone/analyse")

    assert (answer["is_final"], answer["as_of_lag_seconds"]) == (True, 0.0)
    assert answer["variants"] == first["variants"] == analysed["variants"]
    assert status == 200


def test_a_running_one_is_not_final(alpha, api):
    declare(alpha, PLAIN, ROBOT)

    assert api.get("/api/v1/experiments/tone/results").json()["is_final"] is False


def test_the_pages_say_so_and_how_many_units_are_still_kept(alpha, alice_client, stopped):
    page = alice_client.get("/p/alpha/experiments/tone/").content.decode()
    ArmSeen.objects.filter(project_id=alpha.pk, unit_id="warm-0").delete()

    units = alice_client.get("/p/alpha/experiments/tone/?variant=warm").content.decode()

    assert "Final" in page
    assert "Too few: 2 of about 100 sessions per variant." in page
    assert "Too early" not in page
    assert 'data-count="2"' in units
    assert "1 of these 2 is still kept" in units


def test_the_page_says_when_results_will_be_final(alpha, alice_client):
    add_arm_of(alpha, "tone", "control", 3)
    now = timezone.now()
    change_status(make_running(alpha), "stop", ROBOT, now=now)

    page = alice_client.get("/p/alpha/experiments/tone/").content.decode()

    assert f"Final from {now + timedelta(minutes=30):%-d %b %Y, %H:%M:%S} UTC" in page
    assert "<strong>Final</strong>" not in page

"""What the database itself refuses, whoever asks."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from experiments.lifecycle import ExperimentError, change_status, declare, discard_draft
from experiments.models import Experiment, ExperimentMetric, StatusChange, Variant
from tests.experiments.arms import NOW
from tests.experiments.declared import PLAIN, ROBOT, make_running

pytestmark = pytest.mark.django_db


def refused(statement):
    with pytest.raises(IntegrityError) as error, transaction.atomic():
        connection.cursor().execute(statement)
    return str(error.value)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE experiments_variant SET weight = 1",
        "UPDATE experiments_variant SET is_control = false",
        "DELETE FROM experiments_variant",
        "INSERT INTO experiments_variant (experiment_id, key, name, is_control, model)"
        " SELECT id, 'x', '', false, '' FROM experiments_experiment",
        "UPDATE experiments_experimentmetric SET role = 'secondary'",
        "UPDATE experiments_experiment SET alpha = 0.2",
        "UPDATE experiments_experiment SET tuning_units = 7",
        "UPDATE experiments_experiment SET environment = 'x'",
        "UPDATE experiments_experiment SET source = 'discovered'",
        "UPDATE experiments_experiment SET status = 'draft', started_at = NULL",
        "DELETE FROM experiments_experiment",
    ],
)
def test_a_started_experiment_stays_as_it_is(alpha, statement):
    make_running(alpha)

    assert "stays as it is" in refused(statement)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE experiments_statuschange SET note = 'x'", "DELETE FROM experiments_statuschange"],
)
def test_when_it_ran_stays_as_it_was(alpha, statement):
    make_running(alpha)

    assert "append-only" in refused(statement)


def test_a_draft_may_change_and_go(alpha):
    experiment = declare(alpha, PLAIN, ROBOT)

    Variant.objects.update(weight=1)
    experiment.alpha = 0.1
    experiment.save()
    discard_draft(experiment, ROBOT)

    assert Experiment.objects.count() == Variant.objects.count() == 0


def test_a_draft_that_was_discarded_meanwhile_is_refused_with_a_word(alpha):
    experiment = declare(alpha, PLAIN, ROBOT)
    discard_draft(Experiment.objects.get(), ROBOT)

    for change in (
        lambda: change_status(experiment, "start", ROBOT, now=NOW),
        lambda: discard_draft(experiment, ROBOT),
    ):
        with pytest.raises(ExperimentError, match="'tone' was discarded meanwhile"):
            change()


def test_a_started_one_is_not_discarded(alpha):
    experiment = make_running(alpha)

    with pytest.raises(ExperimentError, match="Only a draft"):
        discard_draft(experiment, ROBOT)


def test_an_experiment_has_one_control(alpha):
    declare(alpha, PLAIN, ROBOT)

    assert "one_control" in refused("UPDATE experiments_variant SET is_control = true")


def test_a_draft_has_no_start_and_a_running_one_has(alpha):
    declare(alpha, PLAIN, ROBOT)

    assert "draft_has_no_start" in refused("UPDATE experiments_experiment SET started_at = now()")
    assert "draft_has_no_start" in refused("UPDATE experiments_experiment SET status = 'running'")


def test_only_guardrails_have_a_margin(alpha):
    experiment = declare(alpha, PLAIN, ROBOT)
    broken = [{"role": "goal", "margin": 1.0}, {"role": "guardrail"}]

    for fields in broken:
        with pytest.raises(IntegrityError, match="metric_margin"), transaction.atomic():
            ExperimentMetric.objects.create(experiment=experiment, metric="x", **fields)


def test_a_change_that_fails_leaves_no_trace(alpha):
    experiment = make_running(alpha)

    with pytest.raises(ExperimentError):
        change_status(experiment, "start", ROBOT, now=NOW + timedelta(days=1))

    assert StatusChange.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_start_it_at_once_one_does(alpha):
    experiment = declare(alpha, PLAIN, ROBOT)

    def start(n):
        try:
            return change_status(experiment, "start", ROBOT, now=NOW).status
        except ExperimentError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(start, range(4)))

    assert told == ["running", "wrong_status", "wrong_status", "wrong_status"]
    assert StatusChange.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_who_declare_a_key_at_once_one_does(alpha):
    def write(n):
        try:
            return declare(alpha, PLAIN, ROBOT).status
        except ExperimentError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(write, range(4)))

    assert told == ["draft", "key_taken", "key_taken", "key_taken"]
    assert Variant.objects.count() == 2


def test_changes_of_state_are_in_order_whenever_they_were_asked_for(alpha):
    """Who waited for another change asked before it; a clock may be set back."""
    experiment = declare(alpha, PLAIN, ROBOT)
    change_status(experiment, "start", ROBOT, now=NOW)
    change_status(experiment, "pause", ROBOT, now=NOW - timedelta(seconds=1))
    stopped = change_status(experiment, "stop", ROBOT, now=NOW - timedelta(seconds=2))

    assert [change.at for change in stopped.status_changes.all()] == [NOW] * 3
    assert stopped.started_at == stopped.ended_at == NOW

"""What the demo declares: one experiment that has been running, one that waits for its start."""

import json
from datetime import UTC, datetime
from random import Random

import pytest
from django.core.management import CommandError, call_command

from core.demo.audience import plan_sessions
from core.demo.declarations import RUNNING, experiment_requests, running_since
from core.demo.experiments import ANSWER_TONE
from core.demo.prompts import prompt_requests
from experiments.analysis import analyse
from experiments.models import Experiment, StatusChange
from tests.experiments.arms import NOW, add_arm_of

pytestmark = pytest.mark.django_db

AT = "2025-03-04T08:00:00+00:00"


def send(api, request):
    answer = api.post(
        request.path,
        request.body,
        content_type=request.content_type,
        headers={"Idempotency-Key": request.once},
    )
    assert answer.status_code == 201, answer.content
    return answer.json()


def start(**options):
    call_command("start_experiment", RUNNING["key"], project="alpha", **options)


@pytest.fixture
def declared(api):
    """Both experiments, posted twice as by a load that was interrupted."""
    for request in prompt_requests():
        send(api, request)
    found = [send(api, request) for _ in "12" for request in experiment_requests()]
    assert found[:2] == found[2:]
    return found[:2]


def test_each_compares_two_versions_of_the_prompt(declared):
    versions = [[each["prompt"]["version"] for each in one["variants"]] for one in declared]

    assert [one["status"] for one in declared] == ["draft", "draft"]
    assert versions == [[6, 7], [7, 8]]


def test_the_running_one_began_before_its_sessions_which_carry_its_variants():
    now = datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
    plans = [each for each in plan_sessions(now, Random(1)) if each.experiment == ANSWER_TONE.key]
    body = json.loads(next(experiment_requests()).body)

    assert min(plan.started_at for plan in plans) > running_since(now)
    assert {(plan.arm.variant, int(plan.arm.prompt_version)) for plan in plans} == {
        (each["key"], each["prompt"]["version"]) for each in body["variants"]
    }


def test_so_many_sessions_reach_a_verdict(alpha, declared):
    start(at=datetime.fromisoformat(AT))
    for arm in ANSWER_TONE.arms:
        failing = round(arm.n_sessions * arm.failing)
        add_arm_of(alpha, ANSWER_TONE.key, arm.variant, arm.n_sessions, failing=failing)

    results = analyse(Experiment.objects.get(key=ANSWER_TONE.key), now=NOW).results

    assert results["verdict"]["code"] == "better"
    assert results["verdict"]["variant"] == "warm"
    assert {each["metric"] for each in results["guardrails"]} == {
        "cost_per_unit",
        "tokens_per_unit",
    }


def test_an_experiment_starts_as_of_when_it_did_and_its_log_says_so(declared):
    start(at=datetime.fromisoformat(AT))
    start(at=datetime.fromisoformat(AT))

    change = StatusChange.objects.get()
    assert change.at == change.experiment.started_at == datetime.fromisoformat(AT)
    assert "it had been running since then" in change.note
    assert change.actor_label == "manage.py start_experiment"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tone", "--project", "alpha"], "has no experiment 'tone'"),
        (["answer-tone", "--project", "none"], "There is no project 'none'"),
        (["answer-tone", "--project", "alpha", "--at", "2999-01-01T00:00:00Z"], "yet to come"),
        (["answer-tone", "--project", "alpha", "--at", "2025-01-01"], "a time with its zone"),
        (["answer-tone", "--project", "alpha", "--at", "then"], "as ISO 8601 says it"),
    ],
)
def test_what_cannot_be_started_is_refused(declared, arguments, said):
    with pytest.raises(CommandError, match=said):
        call_command("start_experiment", *arguments)


def test_one_that_has_started_is_not_started_as_of_another_time(declared):
    start()

    with pytest.raises(CommandError, match="is running"):
        start(at=datetime.fromisoformat(AT))

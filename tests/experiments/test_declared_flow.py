"""A declared experiment and the messages that name it: HTTP, inbox, digest, refresh, analysis."""

from datetime import timedelta

import pytest
from django.utils import timezone

from experiments.analysis import analyse
from experiments.declarations import Declaration, DeclaredVariant
from experiments.errors import list_run_errors
from experiments.models import Experiment
from tests.experiments.declared import make_running
from tests.flows import digest_all, make_sender, send_events

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("no_caches")]


@pytest.mark.parametrize("unit", ["session", "run"])
def test_only_those_of_the_experiment_s_environment_count(alpha, unit):
    variants = (DeclaredVariant(key="a"), DeclaredVariant(key="b"))
    said = Declaration(key="tone", unit=unit, environment="prod", variants=variants)
    experiment = make_running(alpha, said, now=timezone.now())
    name = {"session": "sessionId", "run": "runId"}[unit]
    met = {"experimentId": "tone", "variantId": "b"}

    send_events(
        make_sender(alpha),
        [
            {"type": "variant.complete", "data": {**met, name: f"u-{where}", "environment": where}}
            for where in ("prod", "staging")
        ],
    )
    digest_all()

    results = analyse(Experiment.objects.get(pk=experiment.pk), now=timezone.now()).results
    assert [variant["units"] for variant in results["variants"]] == [0, 1]


def test_errors_are_those_of_runs_that_count(alpha):
    began = timezone.now() - timedelta(minutes=5)
    variants = (DeclaredVariant(key="a"), DeclaredVariant(key="b"))
    experiment = make_running(
        alpha, Declaration(key="tone", unit="run", variants=variants), now=began
    )
    failures = [("too soon", "b", -1), ("boom", "b", 1), ("not declared", "c", 1)]

    send_events(
        make_sender(alpha),
        [
            {
                "type": "variant.error",
                "timestamp": (began + timedelta(minutes=minutes)).isoformat(),
                "data": {"experimentId": "tone", "variantId": variant, "runId": message}
                | {"errorMessage": message},
            }
            for message, variant, minutes in failures
        ],
    )
    digest_all()

    found = list_run_errors(Experiment.objects.get(pk=experiment.pk), now=timezone.now())
    assert [(error.message, error.variants) for error in found] == [("boom", {"b": 1})]

"""Support changes what a discovered experiment assumes."""

import pytest

from core.models import AuditEntry
from experiments.discovery import find_experiment
from experiments.freshness import current_snapshot
from experiments.models import Experiment
from tests.cast import make_client, make_user
from tests.experiments.arms import NOW, add_arm_of
from tests.experiments.declared import make_running

pytestmark = pytest.mark.django_db

LATER = NOW.replace(hour=20)


@pytest.fixture
def support():
    return make_client(make_user("support", is_staff=True, is_superuser=True))


def change(client, experiment, *weights, **fields):
    rows = list(experiment.variants.all())
    data = {"name": "", "alpha": experiment.alpha, "tuning_units": experiment.tuning_units}
    data |= {"variants-TOTAL_FORMS": len(rows), "variants-INITIAL_FORMS": len(rows)}
    for at, (row, weight) in enumerate(zip(rows, weights, strict=True)):
        data |= {f"variants-{at}-id": row.pk, f"variants-{at}-experiment": experiment.pk}
        data |= {f"variants-{at}-name": "", f"variants-{at}-weight": weight}
    url = f"/admin/experiments/experiment/{experiment.pk}/change/"
    return client.post(url, data | fields).status_code


def test_weights_are_audited_and_the_split_is_judged_by_them(alpha, support):
    add_arm_of(alpha, "tone", "control", 300)
    add_arm_of(alpha, "tone", "warm", 100)
    before = current_snapshot(find_experiment(alpha.pk, "tone"), now=NOW)

    assert change(support, Experiment.objects.get(), 75, 25) == 302

    after = current_snapshot(find_experiment(alpha.pk, "tone"), now=LATER)
    entry = AuditEntry.objects.get(action="experiment.edit")
    assert (before.results["srm"]["status"], after.results["srm"]["status"]) == ("block", "ok")
    assert (entry.actor_label, entry.target) == ("support", "tone")
    assert entry.detail == {"variants": {"control": {"weight": 75}, "warm": {"weight": 25}}}


def test_nothing_changed_is_nothing_said(alpha, support):
    add_arm_of(alpha, "tone", "control", 3)
    current_snapshot(find_experiment(alpha.pk, "tone"), now=NOW)

    assert change(support, Experiment.objects.get(), "") == 302

    assert AuditEntry.objects.count() == 0


def test_a_declared_one_is_not_changed_here(alpha, support):
    experiment = make_running(alpha)

    assert change(support, experiment, 10, 90, alpha=0.4) == 403
    assert Experiment.objects.get().alpha == 0.05

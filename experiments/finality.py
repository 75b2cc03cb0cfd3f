"""When the results of a stopped experiment are final: computed no more, whatever is deleted."""

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from experiments.models import Experiment, ResultSnapshot
from experiments.units import SHORTEST_WINDOW


def is_of(experiment: Experiment, snapshot: ResultSnapshot) -> bool:
    """Tell whether results are of the experiment as it is: one that started has others, and one
    that paused meanwhile left out other units."""
    results = snapshot.results
    kept = (results["status"], results["source"], results.get("changes", experiment.n_changes))
    return kept == (experiment.status, experiment.source, experiment.n_changes)


def is_final(experiment: Experiment, snapshot: ResultSnapshot) -> bool:
    """Tell whether results stay as they are: they were computed when all units were counted."""
    if not experiment.is_stopped or not is_of(experiment, snapshot):
        return False
    return has_settled(experiment, now=snapshot.computed_at)


def has_settled(experiment: Experiment, *, now: datetime) -> bool:
    """Tell whether a stopped experiment's units can only become fewer.

    Those that met it last are as old as units must be, and what was on its way has come. Where the
    project's sums are soon too old to be kept, waiting for that would lose the first ones.
    """
    at = settles_at(experiment)
    return at is not None and (now >= at or _is_outlasted(experiment, now=now))


def settles_at(experiment: Experiment) -> datetime | None:
    """When all units of a stopped experiment are old enough to count; None while it may go on."""
    if not experiment.is_stopped or experiment.ended_at is None:
        return None
    return experiment.ended_at + max(experiment.outcome_window or SHORTEST_WINDOW, SHORTEST_WINDOW)


def _is_outlasted(experiment: Experiment, *, now: datetime) -> bool:
    days = experiment.project.summary_days
    if days is None or experiment.started_at is None:
        return False
    return experiment.started_at < now - timedelta(days=days)


def find_final(experiment: Experiment) -> ResultSnapshot | None:
    """The kept results if they are final, by the experiment as it is now."""
    kept = ResultSnapshot.objects.select_related("experiment").filter(experiment=experiment)
    snapshot = kept.first()
    return snapshot if snapshot is not None and is_final(snapshot.experiment, snapshot) else None


@transaction.atomic
def keep_results(experiment: Experiment, fields: dict[str, Any]) -> ResultSnapshot:
    """Write a snapshot, unless another analysis meanwhile wrote the final one."""
    rows = ResultSnapshot.objects.select_for_update().filter(experiment=experiment)
    rows.first()  # its lock, before the look at what it holds by now
    final = find_final(experiment)
    if final is not None:
        return final
    snapshot, _ = ResultSnapshot.objects.update_or_create(experiment=experiment, defaults=fields)
    return snapshot

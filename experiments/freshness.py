"""When results are computed anew: on a read that finds them old, and by the sweep."""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import cache, partial

from django.db.models import Min

from core.models import Project
from experiments.analysis import analyse, source_mark
from experiments.discovery import discover_experiments
from experiments.finality import has_settled, is_final, is_of
from experiments.models import Experiment, ResultSnapshot, load_definitions
from experiments.stats import METHOD_VERSION
from tracking.models import InboxBatch

SHORTEST_AGE = timedelta(seconds=2)
MATURING_AGE = timedelta(minutes=1)  # units become mature as time passes, without new data
SLOW = timedelta(seconds=0.1)  # slower analyses are left to the sweep …
PATIENCE = timedelta(seconds=30)  # … unless it has not come for this long
FIRST_BUDGET = timedelta(seconds=2)
# Results stay for ten times as long as it takes to compute them, those of a sweep as all of their
# project that still change: however much is stored, they take a tenth of one core.
WORK_SHARE = 10

_last_project = 0  # that a sweep of this process came to


def current_snapshot(experiment: Experiment, *, now: datetime) -> ResultSnapshot:
    """Return the kept results if they are fresh or slow to compute, else compute them."""
    snapshot = find_snapshot(experiment)
    if snapshot is None:
        return analyse(experiment, now=now)
    mark = partial(source_mark, experiment.project_id, now=now)
    patience = PATIENCE if snapshot.computed_in > SLOW else timedelta(0)
    work = snapshot.computed_in
    if needs_analysis(experiment, snapshot, mark=mark, now=now, work=work, patience=patience):
        return analyse(experiment, now=now)
    return snapshot


def find_snapshot(experiment: Experiment) -> ResultSnapshot | None:
    return getattr(experiment, "snapshot", None)


def is_stale(snapshot: ResultSnapshot, *, mark: int, now: datetime, work: timedelta) -> bool:
    """Tell whether results may differ by now.

    ``mark`` is the state of the project's data; ``work`` how long it takes to compute these
    results, with all that are computed whenever they are.
    """
    if snapshot.method_version != METHOD_VERSION:
        return True
    age = now - snapshot.computed_at
    if age < max(SHORTEST_AGE, WORK_SHARE * work):
        return False
    return snapshot.source_mark != mark or (age >= MATURING_AGE and has_maturing(snapshot))


def has_maturing(snapshot: ResultSnapshot) -> bool:
    return any(variant["maturing"] for variant in snapshot.results["variants"])


def analyse_project(
    project_id: int,
    *,
    now: datetime,
    budget: timedelta,
    patience: timedelta = timedelta(0),
    stop: Callable[[], bool] = lambda: False,
) -> list[Experiment]:
    """Discover what is new and recompute what is stale, the oldest first, within the budget.

    Return all experiments, newest first. A page gives a small budget, and patience with results
    that the sweep will renew; what has no results at all gets more time, since a page without them
    says nothing.
    """
    discover_experiments(project_id)
    mark = cache(partial(source_mark, project_id, now=now))
    found = list(Experiment.objects.for_project(project_id).with_snapshots())
    work = work_of(found)
    began = time.monotonic()
    for experiment in sorted(found, key=_computed_at):
        snapshot = find_snapshot(experiment)
        allowed = max(budget, FIRST_BUDGET) if snapshot is None else budget
        if stop() or time.monotonic() - began > allowed / timedelta(seconds=1):
            break
        if snapshot is None or needs_analysis(
            experiment, snapshot, mark=mark, now=now, work=work, patience=patience
        ):
            load_definitions([experiment])
            experiment.snapshot = analyse(experiment, now=now)
    return found


def work_of(experiments: Iterable[Experiment]) -> timedelta:
    """How long it takes to compute all results that still change."""
    kept = [(experiment, find_snapshot(experiment)) for experiment in experiments]
    changing = (s.computed_in for e, s in kept if s is not None and not is_final(e, s))
    return sum(changing, timedelta(0))


def needs_analysis(
    experiment: Experiment,
    snapshot: ResultSnapshot,
    *,
    mark: Callable[[], int],
    now: datetime,
    work: timedelta,
    patience: timedelta,
) -> bool:
    """Tell whether kept results are of another state, or old enough to be computed anew."""
    if not is_of(experiment, snapshot):
        return True
    if is_final(experiment, snapshot) or now - snapshot.computed_at < patience:
        return False
    return is_stale(snapshot, mark=mark(), now=now, work=work) or has_settled(experiment, now=now)


def analyse_projects(
    *, budget: timedelta, turn: timedelta, stop: Callable[[], bool] = lambda: False
) -> None:
    """Recompute what is stale in all projects, for about a turn; the next goes on behind them."""
    global _last_project
    until = time.monotonic() + turn / timedelta(seconds=1)
    projects = list(Project.objects.active().order_by("pk").values_list("pk", flat=True))
    for pk in sorted(projects, key=lambda pk: (pk <= _last_project, pk)):
        _last_project = pk  # before: one that fails keeps none of those behind it waiting
        analyse_project(pk, now=utc_now(), budget=budget, stop=stop)
        if time.monotonic() > until or stop():
            break


def _computed_at(experiment: Experiment) -> float:
    snapshot = find_snapshot(experiment)
    return 0.0 if snapshot is None else snapshot.computed_at.timestamp()


def lag_seconds(snapshot: ResultSnapshot, *, now: datetime) -> float:
    """Return how far results may be behind what clients sent: their age and the oldest waiting.

    Final ones are behind nothing.
    """
    if is_final(snapshot.experiment, snapshot):
        return 0.0
    waiting = InboxBatch.objects.filter(project_id=snapshot.experiment.project_id)
    oldest = waiting.aggregate(at=Min("received_at"))["at"]
    since = min(snapshot.computed_at, oldest or snapshot.computed_at)
    return round(max((now - since).total_seconds(), 0.0), 3)


def utc_now() -> datetime:
    return datetime.now(UTC)

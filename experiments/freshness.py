"""When results are computed anew: on a read that finds them old, and by the sweep."""

from datetime import UTC, datetime, timedelta

from django.db.models import Min

from experiments.analysis import analyse, source_mark
from experiments.discovery import discover_experiments
from experiments.models import Experiment, ResultSnapshot
from experiments.stats import METHOD_VERSION
from tracking.models import InboxBatch

SHORTEST_AGE = timedelta(seconds=2)
MATURING_AGE = timedelta(minutes=1)  # units become mature as time passes, without new data
WORK_SHARE = 20  # results stay for 20 times as long as they took, so reads cost at most 5 %


def current_snapshot(experiment: Experiment, *, now: datetime) -> ResultSnapshot:
    """Return the kept results if they are fresh, else compute them."""
    snapshot = find_snapshot(experiment)
    if snapshot is None or is_stale(snapshot, now=now):
        return analyse(experiment, now=now)
    return snapshot


def find_snapshot(experiment: Experiment) -> ResultSnapshot | None:
    return getattr(experiment, "snapshot", None)


def is_stale(snapshot: ResultSnapshot, *, now: datetime) -> bool:
    if snapshot.method_version != METHOD_VERSION:
        return True
    age = now - snapshot.computed_at
    if age < max(SHORTEST_AGE, WORK_SHARE * snapshot.computed_in):
        return False
    if age >= MATURING_AGE and has_maturing(snapshot):
        return True
    return snapshot.source_mark != source_mark(snapshot.experiment.project_id)


def has_maturing(snapshot: ResultSnapshot) -> bool:
    return any(variant["maturing"] for variant in snapshot.results["variants"])


def analyse_project(project_id: int, *, now: datetime) -> int:
    """Discover what is new and recompute what is stale; return how many were computed."""
    discover_experiments(project_id)
    computed = 0
    for experiment in Experiment.objects.for_project(project_id).running().with_snapshots():
        snapshot = find_snapshot(experiment)
        if snapshot is None or is_stale(snapshot, now=now):
            analyse(experiment, now=now)
            computed += 1
    return computed


def lag_seconds(snapshot: ResultSnapshot, *, now: datetime) -> float:
    """Return how far results may be behind what clients sent: their age and the oldest waiting."""
    waiting = InboxBatch.objects.filter(project_id=snapshot.experiment.project_id)
    oldest = waiting.aggregate(at=Min("received_at"))["at"]
    since = min(snapshot.computed_at, oldest or snapshot.computed_at)
    return round(max((now - since).total_seconds(), 0.0), 3)


def utc_now() -> datetime:
    return datetime.now(UTC)

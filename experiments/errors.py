"""What went wrong in the runs of an experiment, newest first, grouped by message."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import connection

from experiments.models import Experiment
from experiments.units import seen_sql, unit_parameters
from tracking.adapters.analytics_points import RUN_FAILED
from tracking.models import Event
from tracking.payloads import load_payloads

MAX_FAILED_RUNS = 200

# A failed run says so in its metrics; its events are found by its trace, within its times. OFFSET 0
# keeps the lookup by key (see experiments.units).
FAILED = """
{seen} SELECT seen.unit_id, seen.variant, seen.first_seen, seen.last_seen
FROM {source} seen
JOIN LATERAL (
    SELECT FROM tracking_sessionmetric failed
    WHERE failed.project_id = %(project_id)s AND failed.session_id = seen.session_id
      AND failed.name = 'run_failed' OFFSET 0
) failed ON true
ORDER BY seen.last_seen DESC LIMIT %(limit)s
"""
OF_ANY = """(
    SELECT * FROM tracking_armseen
    WHERE project_id = %(project_id)s AND experiment = %(experiment)s AND unit_kind = 'run'
)"""


@dataclass(slots=True)
class RunError:
    """One message, as often as it came among the newest failed runs."""

    message: str
    n: int = 0
    variants: dict[str, int] = field(default_factory=dict)
    last_at: datetime | None = None
    run_id: str = ""
    stack: str = ""


def list_run_errors(experiment: Experiment, *, now: datetime) -> list[RunError]:
    """Group the errors of the newest failed runs by message, the commonest first.

    Of a declared experiment those of the runs that count.
    """
    runs = _failed_runs(experiment, now=now)
    if not runs:
        return []
    events = Event.objects.filter(
        project_id=experiment.project_id,
        trace_id__in=[run for run, *_ in runs],
        occurred_at__range=(min(row[2] for row in runs), max(row[3] for row in runs)),
        error_type=RUN_FAILED,
    ).order_by("-occurred_at")[:MAX_FAILED_RUNS]
    variants = {run: variant for run, variant, *_ in runs}
    found: dict[str, RunError] = {}
    for event in one_a_run(events):
        _count(found, event, variants.get(event.trace_id, ""))
    _add_stacks(experiment.project_id, list(events), found)
    return sorted(found.values(), key=lambda error: -error.n)


def one_a_run(events: Iterable[Event]) -> list[Event]:
    """Keep the newest error of each run that says something: a summary says again, without words,
    what was tracked live."""
    kept: dict[str, Event] = {}
    for event in events:
        known = kept.get(event.trace_id)
        if known is None or (event.error and not known.error):
            kept[event.trace_id] = event
    return list(kept.values())


def _failed_runs(
    experiment: Experiment, *, now: datetime
) -> list[tuple[Any, ...]]:  # rows of the driver
    parameters = unit_parameters(experiment, now=now) | {"limit": MAX_FAILED_RUNS}
    if experiment.is_declared:
        statement = FAILED.format(seen=seen_sql(experiment), source="seen")
    else:
        statement = FAILED.format(seen="", source=OF_ANY)
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return list(cursor.fetchall())


def _count(found: dict[str, RunError], event: Event, variant: str) -> None:
    message = event.error or "no message"
    error = found.setdefault(message, RunError(message=message))
    error.n += 1
    error.variants[variant] = error.variants.get(variant, 0) + 1
    if error.last_at is None:
        error.last_at, error.run_id = event.occurred_at, event.trace_id


def _add_stacks(project_id: int, events: list[Event], found: dict[str, RunError]) -> None:
    """Take the stack of the newest event of each message."""
    newest = {error.run_id: error for error in found.values()}
    chosen = [event for event in events if event.trace_id in newest]
    places = [(event.occurred_at, event.block_id, event.block_ix) for event in chosen]
    payloads = load_payloads(project_id, places)
    for event, payload in zip(chosen, payloads, strict=True):
        stack = (payload.attributes or {}).get("stack")
        if isinstance(stack, str):
            newest[event.trace_id].stack = stack

"""What ai-experiments said about its own runs: executions, names and the errors of runs.

One call of ``Experiment()`` is an *execution*: a start point, the runs of its variants, an end
point. Re-running reuses the experiment's id, so executions are told apart by time.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from experiments.models import Experiment, Variant
from experiments.results import ExecutionResult
from experiments.units import unit_parameters, units_sql
from tracking.cleaning import clean_text
from tracking.models import ArmSeen, Event, Trace
from tracking.payloads import load_payloads

MAX_EXECUTIONS = 20
ABANDONED_AFTER = timedelta(days=1)
NAME_LENGTH = 600
LARGEST_COUNT = 10**9

BEST = """
SELECT DISTINCT ON (bracket.ix) bracket.ix, unit.variant
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[])
    WITH ORDINALITY AS bracket(starts_at, ends_at, ix)
JOIN unit ON unit.first_seen >= bracket.starts_at AND unit.first_seen <= bracket.ends_at
WHERE unit.success_rate = 1 AND unit.metric_value IS NOT NULL
ORDER BY bracket.ix, unit.metric_value DESC, unit.first_seen
"""


def read_executions(experiment: Experiment, *, now: datetime) -> list[ExecutionResult]:
    """Return the newest executions, newest first, each with the best variant recomputed."""
    points = _points_of(experiment.project_id, [f"experiment:{experiment.key}"])
    executions = pair_points([(e.name, e.occurred_at, data) for e, data in points], now=now)
    newest = executions[-MAX_EXECUTIONS:]
    best = _recompute_best(experiment, newest, now=now)
    for execution, variant in zip(newest, best, strict=True):
        execution["recomputed_best"] = variant
    return newest[::-1]


def pair_points(
    points: Sequence[tuple[str, datetime, dict[str, Any]]], *, now: datetime
) -> list[ExecutionResult]:
    """Match each end with the start before it. A lone end counts, a lone start may still run."""
    executions: list[ExecutionResult] = []
    for name, at, data in points:
        if name == "experiment.start":
            executions.append(_started(at, data, now=now))
        elif name == "experiment.complete":
            if not executions or executions[-1]["finished_at"] is not None:
                executions.append(_started(at - _took(data), {}, now=now))
            _finish(executions[-1], at, data)
    for earlier in executions[:-1]:
        if earlier["finished_at"] is None:
            earlier["status"] = "abandoned"
    return executions


def _started(at: datetime, data: dict[str, Any], *, now: datetime) -> ExecutionResult:
    return ExecutionResult(
        started_at=at.isoformat(),
        finished_at=None,
        duration_ms=None,
        status="running" if now - at < ABANDONED_AFTER else "abandoned",
        variants=_whole(data.get("variantCount")),
        successes=None,
        failures=None,
        reported_best=None,
        recomputed_best=None,
    )


def _finish(execution: ExecutionResult, at: datetime, data: dict[str, Any]) -> None:
    successes, failures = _whole(data.get("successCount")), _whole(data.get("failureCount"))
    planned = execution["variants"]
    ended = (successes or 0) + (failures or 0)
    execution["finished_at"] = at.isoformat()
    execution["duration_ms"] = _took(data) / timedelta(milliseconds=1)
    # stopOnError is not reported; fewer ends than variants is its only trace.
    execution["status"] = "stopped early" if planned and ended < planned else "complete"
    execution["successes"], execution["failures"] = successes, failures
    execution["reported_best"] = _name(data.get("bestVariant")) or None


def _whole(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= LARGEST_COUNT else None


def _name(value: object) -> str:
    """A name as text that PostgreSQL takes, or "" when it is none."""
    return clean_text(value[:NAME_LENGTH]) if isinstance(value, str) else ""


def _took(data: dict[str, Any]) -> timedelta:
    value = data.get("totalDuration")
    if isinstance(value, int | float) and not isinstance(value, bool):
        return timedelta(milliseconds=min(max(value, 0), 1e12))
    return timedelta()


def _recompute_best(
    experiment: Experiment, executions: Sequence[ExecutionResult], *, now: datetime
) -> list[str | None]:
    """The highest metric value among successful runs; a tie keeps the earlier one."""
    if not executions:
        return []
    parameters = unit_parameters(experiment, now=now) | {
        "starts": [execution["started_at"] for execution in executions],
        "ends": [execution["finished_at"] or now.isoformat() for execution in executions],
    }
    with connection.cursor() as cursor:
        cursor.execute(units_sql(experiment) + BEST, parameters)
        found = dict(cursor.fetchall())
    return [found.get(index) for index in range(1, len(executions) + 1)]


def name_from_events(experiment: Experiment, variants: Sequence[Variant]) -> None:
    """Take the names of an experiment of runs and of its variants from its events, once."""
    if not experiment.is_of_runs:
        return
    if not experiment.name:
        points = _points_of(experiment.project_id, [f"experiment:{experiment.key}"])
        names = (_name(data.get("experimentName")) for _, data in points)
        experiment.name = next(filter(None, names), "")
        if experiment.name:
            experiment.save(update_fields=["name"])
    for variant in variants:
        if not variant.name:
            _name_variant(experiment, variant)


def _name_variant(experiment: Experiment, variant: Variant) -> None:
    run = ArmSeen.objects.filter(
        project_id=experiment.project_id,
        experiment=experiment.key,
        unit_kind="run",
        variant=variant.key,
    ).values_list("unit_id", flat=True)[:1]
    for _, data in _points_of(experiment.project_id, list(run)):
        variant.name = _name(data.get("variantName"))
        if variant.name:
            variant.save(update_fields=["name"])
            return


def _points_of(
    project_id: int, trace_ids: Sequence[str]
) -> list[tuple[Event, dict[str, Any]]]:  # what clients sent: JSON values of any type
    """Return the events of these traces with their data, oldest first; at most 200."""
    traces = Trace.objects.filter(project_id=project_id, trace_id__in=trace_ids)
    times = [(trace.first_at, trace.last_at) for trace in traces if trace.first_at]
    if not times:
        return []
    first, last = min(first for first, _ in times), max(last for _, last in times if last)
    events = Event.objects.filter(
        project_id=project_id, trace_id__in=trace_ids, occurred_at__range=(first, last)
    ).order_by("-occurred_at", "id")[:200]
    kept = list(events)[::-1]
    payloads = load_payloads(project_id, [(e.occurred_at, e.block_id, e.block_ix) for e in kept])
    return [
        (event, payload.attributes or {}) for event, payload in zip(kept, payloads, strict=True)
    ]

"""What ai-experiments said about its own runs: executions, names and dimensions.

One call of ``Experiment()`` is an *execution*; experiments.brackets tells them apart.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from experiments.brackets import Bracket, Run, assign_runs, pair_points, took, whole
from experiments.grid import parse_name, plain_dimensions
from experiments.models import Experiment, Variant
from experiments.results import ExecutionResult
from experiments.timeline import Moment, Timeline, build_timeline
from experiments.units import unit_parameters, units_sql
from tracking.cleaning import clean_text
from tracking.events import Kind
from tracking.models import ArmSeen, Event, Trace
from tracking.payloads import load_payloads

MAX_EXECUTIONS = 20
MAX_RUNS = 5_000
MAX_BARS = 200
MAX_MOMENTS = 2_000
NAME_LENGTH = 600
MILLISECOND = timedelta(milliseconds=1)

RUNS = """
SELECT unit_id, variant, first_seen, last_seen, is_mature, success_rate, metric_value
FROM unit WHERE first_seen >= %(since)s ORDER BY first_seen DESC LIMIT %(limit)s
"""


def read_executions(experiment: Experiment, *, now: datetime) -> list[ExecutionResult]:
    """Return the newest executions, newest first, as reported and as their runs say."""
    return [_result(bracket, now=now) for bracket in read_brackets(experiment, now=now)[::-1]]


def read_brackets(experiment: Experiment, *, now: datetime) -> list[Bracket]:
    """Return the newest executions in order of start, with their runs."""
    points = _points_of(experiment.project_id, [f"experiment:{experiment.key}"])
    brackets = pair_points((e.name, e.occurred_at, data) for e, data in points)[-MAX_EXECUTIONS:]
    if brackets:
        runs = _runs_since(experiment, brackets[0].started_at, now=now)
        assign_runs(brackets, runs)
        oldest = runs[-1].first_at if len(runs) == MAX_RUNS else None
        for bracket in brackets:
            bracket.is_cut = oldest is not None and bracket.started_at <= oldest
    return brackets


def read_timeline(
    experiment: Experiment, started_at: datetime, *, now: datetime
) -> Timeline | None:
    """Return the runs of one of the newest executions on its axis of time."""
    brackets = read_brackets(experiment, now=now)
    bracket = next((each for each in brackets if each.started_at == started_at), None)
    if bracket is None:
        return None
    runs = bracket.runs[:MAX_BARS]
    moments: list[Moment] = []
    if runs:
        events = Event.objects.filter(
            project_id=experiment.project_id,
            trace_id__in=[run.id for run in runs],
            occurred_at__range=(
                min(run.first_at for run in runs),
                max(run.last_at for run in runs),
            ),
            kind=int(Kind.EVENT),
        ).order_by("occurred_at", "id")[:MAX_MOMENTS]
        moments = [
            Moment(e.trace_id, e.name, e.occurred_at, dict(e.metrics or ()), e.error)
            for e in events
        ]
    names = {variant.key: variant.title for variant in experiment.variants.all()}
    return build_timeline(bracket, runs, moments, now=now, names=names)


def _runs_since(experiment: Experiment, since: datetime, *, now: datetime) -> list[Run]:
    parameters = unit_parameters(experiment, now=now) | {"since": since, "limit": MAX_RUNS}
    with connection.cursor() as cursor:
        cursor.execute(units_sql(experiment) + RUNS, parameters)
        rows = cursor.fetchall()
    return [
        Run(run, variant, first, last, done, done and success == 1, value)
        for run, variant, first, last, done, success, value in rows
    ]


def _result(bracket: Bracket, *, now: datetime) -> ExecutionResult:
    finished_at, length = bracket.finished_at, took(bracket.end)
    if finished_at and length is None and bracket.start is not None:
        length = finished_at - bracket.started_at
    return ExecutionResult(
        started_at=bracket.started_at.isoformat(),
        finished_at=finished_at.isoformat() if finished_at else None,
        duration_ms=None if length is None else length / MILLISECOND,
        status=bracket.status(now),
        parallel=bracket.is_parallel,
        variants=bracket.planned,
        successes=whole(bracket.end.get("successCount")),
        failures=whole(bracket.end.get("failureCount")),
        runs=None if bracket.is_cut else len(bracket.runs),
        reported_best=_name(bracket.end.get("bestVariant")) or None,
        recomputed_best=None if bracket.is_cut else bracket.best(),
    )


def _name(value: object) -> str:
    """A name as text that PostgreSQL takes, or "" when it is none."""
    return clean_text(value[:NAME_LENGTH]) if isinstance(value, str) else ""


def name_from_events(experiment: Experiment, variants: Sequence[Variant]) -> None:
    """Take the names of an experiment of runs and of its variants from its events, once."""
    if not experiment.is_of_runs or experiment.is_declared:
        return
    if not experiment.name:
        points = _points_of(experiment.project_id, [f"experiment:{experiment.key}"])
        names = (_name(data.get("experimentName")) for _, data in points)
        experiment.name = next(filter(None, names), "")
        if experiment.name:
            experiment.save(update_fields=["name"])
    for variant in variants:
        if not variant.name and variant.pk is not None:
            _name_variant(experiment, variant)


def find_dimensions(
    experiment: Experiment, variants: Sequence[Variant], known: dict[str, dict[str, str]]
) -> dict[str, dict[str, str]]:
    """Return the settings of each variant of a grid, by key; {} of one that names none.

    They stand in its name, else in ``dimensions`` or ``config`` of its events. ``known``: what
    earlier results had, which does not change.
    """
    found: dict[str, dict[str, str]] = {}
    for variant in variants:
        named = parse_name(variant.title)
        if named or not experiment.is_of_runs:
            found[variant.key] = named
        elif variant.key in known:  # looked up once
            found[variant.key] = known[variant.key]
        else:
            found[variant.key] = _told_dimensions(experiment, variant)
    return found


def _told_dimensions(experiment: Experiment, variant: Variant) -> dict[str, str]:
    for _, data in _points_of_variant(experiment, variant):
        for key in ("dimensions", "config"):
            if told := plain_dimensions(data.get(key)):
                return told
    return {}


def _name_variant(experiment: Experiment, variant: Variant) -> None:
    for _, data in _points_of_variant(experiment, variant):
        variant.name = _name(data.get("variantName"))
        if variant.name:
            variant.save(update_fields=["name"])
            return


def _points_of_variant(
    experiment: Experiment, variant: Variant
) -> list[tuple[Event, dict[str, Any]]]:
    """The events of one of its runs."""
    run = ArmSeen.objects.filter(
        project_id=experiment.project_id,
        experiment=experiment.key,
        unit_kind="run",
        variant=variant.key,
    ).values_list("unit_id", flat=True)[:1]
    return _points_of(experiment.project_id, list(run))


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

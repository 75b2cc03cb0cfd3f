"""Rows of the tracking tables as digest leaves them, for tests that start at the analysis."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from core.timebuckets import Interval, floor_to
from tracking.models import ArmSeen, IngestCounter, Session, SessionMetric

NOW = datetime(2025, 3, 5, 12, tzinfo=UTC)


def add_session(project, experiment, variant, unit, *, at=NOW - timedelta(hours=5), **sums):
    """One session that met a variant; ``metric_value`` and session sums as keywords."""
    metric_value, duration_ms = sums.pop("metric_value", None), sums.pop("duration_ms", 0)
    add_arm(project, experiment, variant, unit, unit, at=at, kind="session")
    Session.objects.create(
        project_id=project.pk,
        session_id=unit,
        first_at=at,
        last_at=at + timedelta(milliseconds=duration_ms),
        **sums,
    )
    if metric_value is not None:
        add_metric(project, unit, "metric_value", metric_value)


def add_run(project, experiment, variant, run, *, at=NOW - timedelta(hours=5), **facts):
    """One run of ai-experiments; ``outcome``: completed, failed, both, or none yet."""
    outcome = facts.pop("outcome", "completed")
    session = f"trace:{run}"
    add_arm(project, experiment, variant, run, session, at=at, kind="run")
    Session.objects.create(
        project_id=project.pk, session_id=session, is_implicit=True, first_at=at, last_at=at
    )
    if outcome in {"completed", "both"}:
        add_metric(project, session, "run_completed", 1)
    if outcome in {"failed", "both"}:
        add_metric(project, session, "run_failed", 1)
    for name, value in facts.items():
        add_metric(project, session, name, value)


def add_arm(project, experiment, variant, unit, session, *, at, kind):
    arm_row(project, experiment, variant, unit, session, at=at, kind=kind).save(force_insert=True)


def arm_row(project, experiment, variant, unit, session, *, at, kind):
    return ArmSeen(
        project_id=project.pk,
        experiment=experiment,
        unit_kind=kind,
        unit_id=unit,
        variant=variant,
        session_id=session,
        first_seen=at,
        last_seen=at,
        n=1,
    )


def add_metric(project, session, name, value):
    metric_row(project, session, name, value).save(force_insert=True)


def metric_row(project, session, name, value):
    return SessionMetric(
        project_id=project.pk,
        session_id=session,
        name=name,
        n=1,
        total=value,
        squares=value * value,
        low=value,
        high=value,
        last=value,
    )


def count_digested(project, n=1):
    """As digest does: the ledger grows with everything that was stored, in the hour that is."""
    hour = floor_to(timezone.now(), Interval.HOUR)
    IngestCounter.objects.update_or_create(
        project_id=project.pk, hour=hour, fate="stored", detail="", defaults={"n": n}
    )


def add_arm_of(project, experiment, variant, n, *, failing=0, start=0, value=None):
    """``n`` sessions of one variant, the first ``failing`` of which failed; in few statements."""
    at = NOW - timedelta(hours=5)
    ids = {index: f"{variant}-{index}" for index in range(start, start + n)}
    ArmSeen.objects.bulk_create(
        arm_row(project, experiment, variant, unit, unit, at=at, kind="session")
        for unit in ids.values()
    )
    Session.objects.bulk_create(
        Session(
            project_id=project.pk,
            session_id=unit,
            first_at=at,
            last_at=at,
            n_root_errors=int(index < start + failing),
        )
        for index, unit in ids.items()
    )
    if value is not None:
        SessionMetric.objects.bulk_create(
            metric_row(project, unit, "metric_value", value(index)) for index, unit in ids.items()
        )

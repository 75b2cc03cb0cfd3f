"""Experiments that nobody defined: found by the names that events gave their variants."""

from datetime import datetime, timedelta

from django.db import connection, transaction
from django.http import Http404

from experiments.models import Experiment, Variant, load_definitions
from experiments.unit_sums import VariantSums
from experiments.units import SHORTEST_WINDOW

MAX_DISCOVERED = 500
CONTROL_NAMES = ("control", "baseline")
LOOK_BACK = timedelta(days=14)

# Jumps from one name to the next in the primary key: as many index reads as there are names.
NAMES = """
WITH RECURSIVE name AS (
    (SELECT experiment FROM tracking_armseen
     WHERE project_id = %(project_id)s ORDER BY experiment LIMIT 1)
    UNION ALL
    SELECT (SELECT later.experiment FROM tracking_armseen later
            WHERE later.project_id = %(project_id)s AND later.experiment > name.experiment
            ORDER BY later.experiment LIMIT 1)
    FROM name WHERE name.experiment IS NOT NULL
)
SELECT experiment FROM name WHERE experiment IS NOT NULL LIMIT %(limit)s
"""
ORIGIN = """
SELECT min(first_seen), bool_or(unit_kind = 'run')
FROM tracking_armseen WHERE project_id = %(project_id)s AND experiment = %(experiment)s
"""
LONGEST_SESSIONS = """
SELECT percentile_disc(0.99) WITHIN GROUP (ORDER BY last_at - first_at)
FROM tracking_session
WHERE project_id = %(project_id)s AND NOT is_implicit
  AND first_at >= %(after)s AND first_at < %(before)s
"""


def find_experiment(project_id: int, key: str) -> Experiment | None:
    """Return the experiment of this key, discovering it when events have just named it."""
    if "\0" in key:  # which PostgreSQL does not take
        return None
    experiments = Experiment.objects.for_project(project_id)
    known = experiments.with_snapshots().filter(key=key).first()
    if known is not None:
        load_definitions([known])
    if known is not None or experiments.discovered().count() >= MAX_DISCOVERED:
        return known
    return _discover(project_id, key)


def get_experiment(project_id: int, key: str) -> Experiment:
    """The same, for an address."""
    experiment = find_experiment(project_id, key)
    if experiment is None:
        raise Http404("no such experiment")
    return experiment


def discover_experiments(project_id: int) -> bool:
    """Make every experiment that events have named; False when there are too many to keep all."""
    experiments = Experiment.objects.for_project(project_id)
    known = set(experiments.values_list("key", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(NAMES, {"project_id": project_id, "limit": MAX_DISCOVERED + len(known) + 1})
        names = [name for (name,) in cursor.fetchall() if name not in known]
    room = max(MAX_DISCOVERED - experiments.discovered().count(), 0) if names else 0
    for name in names[:room]:
        _discover(project_id, name)
    return len(names) <= room


def _discover(project_id: int, key: str) -> Experiment | None:
    with connection.cursor() as cursor:
        cursor.execute(ORIGIN, {"project_id": project_id, "experiment": key})
        started_at, has_runs = cursor.fetchone()
    if started_at is None:
        return None
    unit = Experiment.Unit.RUN if has_runs else Experiment.Unit.SESSION
    experiment, _ = Experiment.objects.get_or_create(
        project_id=project_id,
        key=key,
        defaults={
            "unit": unit,
            "started_at": started_at,
            "outcome_window": None if has_runs else outcome_window(project_id, started_at),
        },
    )
    return experiment


def outcome_window(project_id: int, started_at: datetime) -> timedelta:
    """Return the age at which a session counts: long enough for 99 % of those before the start."""
    with connection.cursor() as cursor:
        cursor.execute(
            LONGEST_SESSIONS,
            {"project_id": project_id, "after": started_at - LOOK_BACK, "before": started_at},
        )
        (longest,) = cursor.fetchone()
    return max(longest or SHORTEST_WINDOW, SHORTEST_WINDOW)


def record_variants(experiment: Experiment, arms: list[VariantSums]) -> list[Variant]:
    """Keep a row for every variant seen, and one of them as the control; return the rows.

    A declared experiment has the variants that were declared.
    """
    if experiment.is_declared:
        return list(experiment.variants.all())
    known = {variant.key: variant for variant in experiment.variants.all()}
    missing = [arm.variant for arm in arms if arm.variant not in known]
    control = choose_control(arms)
    current = next((key for key, variant in known.items() if variant.is_control), None)
    if missing or (control is not None and control != current):
        _write_variants(experiment, missing, control=control)
    rows = list(experiment.variants.all())
    kept = {row.key for row in rows}
    # It was declared meanwhile: these results are of what it was, and are soon computed anew.
    return rows + [Variant(experiment=experiment, key=key) for key in missing if key not in kept]


def choose_control(arms: list[VariantSums]) -> str | None:
    """The variant named as one; else the one seen first, by (first event time, key)."""
    named = [name for name in CONTROL_NAMES if any(arm.variant == name for arm in arms)]
    if named:
        return named[0]
    seen = [(arm.first_seen, arm.variant) for arm in arms if arm.first_seen is not None]
    return min(seen)[1] if seen else None


def _write_variants(experiment: Experiment, keys: list[str], *, control: str | None) -> None:
    with transaction.atomic():
        # The row lock keeps two readers from choosing two controls at once.
        if Experiment.objects.select_for_update().get(pk=experiment.pk).is_declared:
            return  # meanwhile: its variants are the declared ones
        Variant.objects.bulk_create(
            [Variant(experiment=experiment, key=key) for key in keys], ignore_conflicts=True
        )
        variants = Variant.objects.filter(experiment=experiment)
        variants.exclude(key=control).filter(is_control=True).update(is_control=False)
        variants.filter(key=control).update(is_control=True)

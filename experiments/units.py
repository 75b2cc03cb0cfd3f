"""The units of an experiment, from the tracking tables: one statement behind sums and lists.

``seen`` has a row a unit and variant; ``unit`` adds maturity and one column a metric. A number and
the list of units behind it read the same rows with the same conditions, so their counts agree.

Numbers beyond 1e60 are no measurements and are absent, those below 1e-60 are 0: their squares are
errors to PostgreSQL.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from experiments.metrics import DISCOVERED_METRICS, METRICS, Metric
from experiments.models import Experiment
from experiments.unit_sums import ValueSums, VariantSums

SHORTEST_WINDOW = timedelta(minutes=30)
Parameters = dict[str, Any]  # what the driver takes: text, numbers, times, lists of them

SEEN = """
WITH seen AS (
    SELECT unit_id, variant, max(session_id) AS session_id,
           min(first_seen) AS first_seen, max(last_seen) AS last_seen,
           count(*) OVER (PARTITION BY unit_id) AS n_variants
    FROM tracking_armseen
    WHERE project_id = %(project_id)s AND experiment = %(experiment)s
      AND unit_kind = %(unit_kind)s
    GROUP BY unit_id, variant
)
"""
# Of a declared experiment units count that met it first while it ran, in its environment, and only
# its own variants are compared; another one that a unit met still makes it one of several.
MET = """
WITH met AS (
    SELECT unit_id, variant, max(session_id) AS session_id,
           min(first_seen) AS first_seen, max(last_seen) AS last_seen,
           count(*) OVER (PARTITION BY unit_id) AS n_variants,
           min(min(first_seen)) OVER (PARTITION BY unit_id) AS exposed_at
    FROM tracking_armseen
    WHERE project_id = %(project_id)s AND experiment = %(experiment)s
      AND unit_kind = %(unit_kind)s
    GROUP BY unit_id, variant
)
"""
RAN = """EXISTS (
    SELECT FROM unnest(%(began)s::timestamptz[], %(ended)s::timestamptz[]) AS ran (began, ended)
    WHERE met.exposed_at >= ran.began AND met.exposed_at < coalesce(ran.ended, 'infinity')
)"""
IN_ENVIRONMENT = """(%(environment)s = '' OR EXISTS (
    SELECT FROM tracking_sessiontext told
    WHERE told.project_id = %(project_id)s AND told.session_id = met.session_id
      AND told.facets @> ARRAY['env:' || %(environment)s]
))"""
SEEN_DECLARED = f"""{MET}, seen AS (
    SELECT unit_id, variant, session_id, first_seen, last_seen, n_variants FROM met
    WHERE variant = ANY(%(variants)s::text[]) AND {RAN} AND {IN_ENVIRONMENT}
)
"""
# Facts are looked up by key for each row, in subqueries that the planner cannot turn into joins:
# right after a load, without statistics, it joins whole projects in nested loops. And a page of a
# list then costs a page, not the experiment.
#
# A run says itself when it ended, how long it took and whether it failed; a run that threw after
# it had completed has failed. Without an end it is still maturing. Its facts are the sums of its
# implicit session; runs that share a session read their own trace part instead (metrics: lists of
# name, n, …, last at place 6).
RUN_UNITS = """
, run AS (
    SELECT seen.*,
           coalesce(own.done, sums.done, false) AS done,
           coalesce(own.failed, sums.failed, false) AS failed,
           CASE WHEN own.found THEN own.took ELSE sums.took END AS took,
           CASE WHEN own.found THEN own.value ELSE sums.value END AS value
    FROM seen
    LEFT JOIN LATERAL (
        SELECT true AS found, coalesce(bool_or(fact ->> 0 = 'run_completed'), false) AS done,
               coalesce(bool_or(fact ->> 0 = 'run_failed'), false) AS failed,
               max((fact ->> 6)::float8) FILTER (WHERE fact ->> 0 = 'duration_ms') AS took,
               max((fact ->> 6)::float8) FILTER (WHERE fact ->> 0 = 'metric_value') AS value
        FROM tracking_tracepart part
        LEFT JOIN LATERAL jsonb_array_elements(part.metrics) AS fact ON true
        WHERE seen.session_id <> 'trace:' || seen.unit_id
          AND part.project_id = %(project_id)s AND part.trace_id = seen.unit_id
        HAVING count(part.trace_id) > 0
    ) own ON true
    LEFT JOIN LATERAL (
        SELECT bool_or(m.n > 0) FILTER (WHERE m.name = 'run_completed') AS done,
               bool_or(m.n > 0) FILTER (WHERE m.name = 'run_failed') AS failed,
               max(m.last) FILTER (WHERE m.name = 'duration_ms') AS took,
               max(m.last) FILTER (WHERE m.name = 'metric_value') AS value
        FROM tracking_sessionmetric m
        WHERE own.found IS NULL
          AND m.project_id = %(project_id)s AND m.session_id = seen.session_id
    ) sums ON true
), unit AS (
    SELECT run.unit_id, run.variant, run.session_id, run.first_seen, run.last_seen, run.n_variants,
           run.done OR run.failed AS is_mature,
           (run.done AND NOT run.failed)::int AS success_rate,
           CASE WHEN abs(run.value) < 1e-60 THEN 0 WHEN abs(run.value) <= 1e60 THEN run.value END
               AS metric_value,
           CASE WHEN abs(run.took) < 1e-60 THEN 0 WHEN abs(run.took) <= 1e60 THEN run.took
                ELSE extract(epoch FROM run.last_seen - run.first_seen) * 1000 END::float8
               AS duration,
           CASE WHEN used.n_unpriced > 0 THEN NULL
                ELSE coalesce(used.cost_nano, 0) / 1e9::float8 END AS cost_per_unit,
           coalesce(used.tokens, 0)::float8 AS tokens_per_unit
    FROM run
    LEFT JOIN LATERAL (
        SELECT sum(part.cost_nano) AS cost_nano, sum(part.n_unpriced) AS n_unpriced,
               sum(part.tokens_in + part.tokens_out) AS tokens
        FROM tracking_tracepart part
        WHERE part.project_id = %(project_id)s AND part.trace_id = run.unit_id
    ) used ON true
)
"""
# A session counts once it is old enough, never because it went quiet: arms that differ only in
# speed would differ in their sums. No data is no cost; only a score can be missing, and the cost of
# a unit one of whose calls nobody knows the price of: an arm must not be cheap for that.
SESSION_UNITS = """
, unit AS (
    SELECT seen.*, seen.first_seen <= %(mature_before)s AS is_mature,
           (coalesce(s.n_root_errors, 0) = 0)::int AS success_rate,
           CASE WHEN abs(m.value) < 1e-60 THEN 0 WHEN abs(m.value) <= 1e60 THEN m.value END
               AS metric_value,
           coalesce(extract(epoch FROM s.last_at - s.first_at) * 1000, 0)::float8 AS duration,
           CASE WHEN s.n_unpriced > 0 THEN NULL
                ELSE coalesce(s.cost_nano, 0) / 1e9::float8 END AS cost_per_unit,
           (coalesce(s.tokens_in, 0) + coalesce(s.tokens_out, 0))::float8 AS tokens_per_unit
    FROM seen
    LEFT JOIN LATERAL (
        SELECT one.* FROM tracking_session one
        WHERE one.project_id = %(project_id)s AND one.session_id = seen.session_id OFFSET 0
    ) s ON true
    LEFT JOIN LATERAL (
        SELECT max(one.last) AS value FROM tracking_sessionmetric one
        WHERE one.project_id = %(project_id)s AND one.session_id = seen.session_id
          AND one.name = 'metric_value'
    ) m ON true
)
"""
UNITS = {Experiment.Unit.RUN: RUN_UNITS, Experiment.Unit.SESSION: SESSION_UNITS}
COUNTED = "n_variants = 1 AND is_mature"
METRIC_SUMS = """
    count({key}) FILTER (WHERE {counted}),
    sum({key}) FILTER (WHERE {counted}),
    sum({key}::float8 * {key}) FILTER (WHERE {counted}),
    min({key}) FILTER (WHERE {counted}),
    max({key}) FILTER (WHERE {counted}),
    {quantiles}
"""
QUANTILES = (
    "percentile_cont(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY {key}) FILTER (WHERE {counted})"
)
SUMS = """
SELECT variant, min(first_seen), max(last_seen),
    count(*) FILTER (WHERE n_variants = 1),
    count(*) FILTER (WHERE n_variants = 1 AND NOT is_mature),
    count(*) FILTER (WHERE n_variants > 1),
    coalesce(sum(1.0 / n_variants) FILTER (WHERE n_variants > 1), 0),
    {metrics}
FROM unit GROUP BY variant ORDER BY min(first_seen), variant
"""


def unit_parameters(experiment: Experiment, *, now: datetime) -> Parameters:
    parameters: Parameters = {
        "project_id": experiment.project_id,
        "experiment": experiment.key,
        "unit_kind": experiment.unit,
        "mature_before": now.astimezone(UTC) - (experiment.outcome_window or SHORTEST_WINDOW),
    }
    if experiment.is_declared:
        periods = periods_of(experiment)
        parameters |= {
            "began": [began for began, _ in periods],
            "ended": [ended for _, ended in periods],
            "variants": [variant.key for variant in experiment.variants.all()],
            "environment": experiment.environment,
        }
    return parameters


def periods_of(experiment: Experiment) -> list[tuple[datetime, datetime | None]]:
    """Return when a declared experiment ran: from, and until or None for still running."""
    periods: list[tuple[datetime, datetime | None]] = []
    for change in experiment.status_changes.all():
        if periods and periods[-1][1] is None:
            periods[-1] = (periods[-1][0], change.at)
        if change.status == Experiment.Status.RUNNING:
            periods.append((change.at, None))
    return periods


def units_sql(experiment: Experiment) -> str:
    """Return the WITH clause that names ``unit``; the rest of a statement follows it."""
    return seen_sql(experiment) + UNITS[Experiment.Unit(experiment.unit)]


def seen_sql(experiment: Experiment) -> str:
    """Return the WITH clause that names ``seen``: who met which variant, of those who count."""
    return SEEN_DECLARED if experiment.is_declared else SEEN


def sum_units(experiment: Experiment, *, now: datetime) -> list[VariantSums]:
    """Sum every metric over the counted units of every variant, in one statement."""
    metrics = ",".join(metric_sums(metric) for metric in DISCOVERED_METRICS)
    with connection.cursor() as cursor:
        cursor.execute(
            units_sql(experiment) + SUMS.format(metrics=metrics),
            unit_parameters(experiment, now=now),
        )
        return [_variant_sums(row) for row in cursor.fetchall()]


def metric_sums(metric: Metric) -> str:
    """Return the SQL of one metric's sums; a rate has no quantiles worth a sort."""
    quantiles = "NULL" if metric.type == "proportion" else QUANTILES
    return METRIC_SUMS.replace("{quantiles}", quantiles).format(key=metric.key, counted=COUNTED)


def _variant_sums(row: tuple[Any, ...]) -> VariantSums:  # the driver's row: a value of any type
    variant, first_seen, last_seen, units, maturing, several, share, *numbers = row
    return VariantSums(
        variant=variant,
        first_seen=first_seen,
        last_seen=last_seen,
        units=units,
        maturing=maturing,
        several=several,
        several_share=float(share),
        values=dict(zip(METRICS, _value_sums(numbers), strict=True)),
    )


def _value_sums(numbers: list[Any]) -> Iterator[ValueSums]:
    for at in range(0, len(numbers), 6):
        n, total, squares, low, high, quantiles = numbers[at : at + 6]
        p50, p95 = quantiles or (None, None)
        yield ValueSums(
            n=n,
            total=float(total or 0),
            squares=float(squares or 0),
            low=None if low is None else float(low),
            high=None if high is None else float(high),
            p50=p50,
            p95=p95,
        )

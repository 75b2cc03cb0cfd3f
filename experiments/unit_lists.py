"""The units behind a number, chosen by the same conditions as the number itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.core.cache import cache
from django.db import connection
from xxhash import xxh64_hexdigest

from experiments.metrics import METRICS
from experiments.models import Experiment, ResultSnapshot
from experiments.results import ArmResult, Results
from experiments.units import COUNTED, Parameters, unit_parameters, units_sql

Pick = Literal["all", "worst", "typical", "best"]
PICKS: tuple[Pick, ...] = ("all", "worst", "typical", "best")
PICKED = {"worst": 20, "typical": 5, "best": 20}
PICKS_KEPT = 30  # seconds
PICK_METRIC = "success_rate"  # what worst and best mean when no metric is named

# Which units: those of a number on the page. With a metric only units that have a value count.
STATES = {
    "exposed": "n_variants = 1",
    "counted": COUNTED,
    "maturing": "n_variants = 1 AND NOT is_mature",
    "failed": f"{COUNTED} AND success_rate = 0",
    "missing": f"{COUNTED} AND metric_value IS NULL",
    "several": "n_variants > 1",
}
COLUMNS = (
    "unit_id, variant, session_id, first_seen, last_seen, n_variants > 1, is_mature,"
    " success_rate, metric_value, duration, cost_per_unit, tokens_per_unit"
)


@dataclass(frozen=True, slots=True)
class Selection:
    """Which units of an experiment. ``state``: one of STATES, or "" for those of the metric."""

    variant: str = ""
    metric: str = ""
    pick: Pick = "all"
    state: str = ""

    @property
    def ranked_by(self) -> str:
        return self.metric or PICK_METRIC

    @property
    def condition(self) -> str:
        """SQL made of fixed parts; names of strangers go in as parameters."""
        state = self.state or ("counted" if self.metric or self.pick != "all" else "exposed")
        parts = [STATES[state]]
        if self.metric or self.pick != "all":
            parts.append(f"{METRICS[self.ranked_by].key} IS NOT NULL")
        if self.variant:
            parts.append("variant = %(variant)s")
        return " AND ".join(f"({part})" for part in parts)


@dataclass(frozen=True, slots=True)
class UnitRow:
    unit_id: str
    variant: str
    session_id: str
    first_seen: datetime
    last_seen: datetime
    is_several: bool
    is_mature: bool
    success_rate: int | None
    metric_value: float | None
    duration: float | None
    cost_per_unit: float | None  # None: of some of its calls nobody knows it
    tokens_per_unit: float

    def value_of(self, metric: str) -> float | None:
        value: float | None = getattr(self, METRICS[metric].key)
        return value

    @property
    def state(self) -> str:
        if self.is_several:
            return "several"
        return "counted" if self.is_mature else "maturing"


def count_behind(
    experiment: Experiment, selection: Selection, snapshot: ResultSnapshot, *, now: datetime
) -> int:
    """Return how many units a selection has before any pick: the n of the number it explains.

    What the results count already is taken from them, which is what led here.
    """
    known = count_in(snapshot.results, selection)
    return count_kept(experiment, selection, now=now) if known is None else known


def count_in(results: Results, selection: Selection) -> int | None:
    """Return the count of a selection if it is one of the numbers of the results."""
    variants = [one for one in results["variants"] if selection.variant in {"", one["key"]}]
    is_cut = any(finding["check"] == "too_many_variants" for finding in results["health"])
    if not variants or (is_cut and not selection.variant):
        return None
    by_state = {
        "exposed": sum(one["units"] for one in variants),
        "maturing": sum(one["maturing"] for one in variants),
        "several": sum(one["excluded"]["several_variants"] for one in variants),
    }
    if not (selection.metric or selection.pick != "all"):
        n = by_state.get(selection.state or "exposed")
        return _count_mature(results, selection) if n is None else n
    if selection.state in by_state:
        return None
    return _count_mature(results, selection)


def _count_mature(results: Results, selection: Selection) -> int | None:
    """Every mature unit has a rate of success; only a metric value can be missing."""

    def arms(metric: str) -> list[ArmResult]:
        found = next(one for one in results["metrics"] if one["key"] == metric)
        return [arm for arm in found["arms"] if selection.variant in {"", arm["variant"]}]

    if selection.state in {"", "counted"}:
        return sum(arm["n"] for arm in arms(selection.ranked_by))
    if selection.ranked_by != PICK_METRIC:
        return None
    if selection.state == "failed":
        return sum(arm["n"] - arm["sums"]["successes"] for arm in arms(PICK_METRIC))
    return sum(arm["missing"] for arm in arms("metric_value"))


def count_kept(experiment: Experiment, selection: Selection, *, now: datetime) -> int:
    """Return how many units of a selection there are; final results count deleted ones, too."""
    sql = f"{units_sql(experiment)} SELECT count(*) FROM unit WHERE {selection.condition}"
    with connection.cursor() as cursor:
        cursor.execute(sql, _parameters(experiment, selection, now=now))
        (n,) = cursor.fetchone()
    return int(n)


def list_units(
    experiment: Experiment,
    selection: Selection,
    *,
    now: datetime,
    after: Sequence[str] | None = None,
    limit: int = 50,
) -> list[UnitRow]:
    """Return the picked units in order; all of them page by (unit id, variant)."""
    parameters = _parameters(experiment, selection, now=now)
    condition, order = selection.condition, _order(selection)
    if selection.pick != "all":
        limit = min(limit, PICKED[selection.pick])
    elif after:
        # The first half says nothing new, but reaches the index below the window function.
        condition += (
            " AND unit_id >= %(after_unit)s"
            " AND (unit_id, variant) > (%(after_unit)s, %(after_variant)s)"
        )
        parameters |= {"after_unit": after[0], "after_variant": after[1]}
    sql = f"{units_sql(experiment)} SELECT {COLUMNS} FROM unit WHERE {condition} {order}"
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT %(limit)s", parameters | {"limit": limit})
        return [_row(row) for row in cursor.fetchall()]


def list_picked(
    experiment: Experiment, selection: Selection, snapshot: ResultSnapshot, *, now: datetime
) -> list[UnitRow]:
    """Return the picked units as of the results that they belong to.

    Picking looks at all units, which takes as long as the results did: they are kept while somebody
    goes through them.
    """
    chosen = xxh64_hexdigest(repr((selection, snapshot.computed_at)).encode())
    key = f"picked:{experiment.pk}:{chosen}"
    rows: list[UnitRow] | None = cache.get(key)
    if rows is None:
        rows = list_units(experiment, selection, now=now)
        cache.set(key, rows, PICKS_KEPT)
    return rows


def _order(selection: Selection) -> str:
    metric = METRICS[selection.ranked_by]
    if selection.pick == "all":
        return "ORDER BY unit_id, variant"
    if selection.pick == "typical":
        middle = (
            f"(SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY {metric.key}) FROM unit"
            f" WHERE {selection.condition})"
        )
        return f"ORDER BY abs({metric.key} - {middle}), unit_id"
    is_ascending = (selection.pick == "worst") is (metric.direction == "up")
    # Among equal values the longest and dearest say most.
    return f"ORDER BY {metric.key} {'ASC' if is_ascending else 'DESC'}, duration DESC, unit_id"


def _parameters(experiment: Experiment, selection: Selection, *, now: datetime) -> Parameters:
    return unit_parameters(experiment, now=now) | {"variant": selection.variant}


def _row(row: tuple[Any, ...]) -> UnitRow:  # the driver's row: values of any type
    return UnitRow(*row)

"""The page of the units behind a number."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.access import PageRequest
from core.paging import CursorError, filters_of, read_cursor, sign_cursor
from experiments.freshness import current_snapshot
from experiments.leaderboard import FORMATS
from experiments.metrics import METRICS
from experiments.models import Experiment
from experiments.unit_lists import (
    PICKED,
    PICKS,
    Selection,
    UnitRow,
    count_behind,
    count_kept,
    list_picked,
    list_units,
)
from tracking.models import SessionText

PAGE_SIZE = 50
STATE_WORDS = {
    "": "",
    "exposed": "",
    "counted": "that count",
    "maturing": "still maturing",
    "failed": "that failed",
    "missing": "without a metric value",
    "several": "seen in several variants",
}


@dataclass(frozen=True, slots=True)
class UnitLine:
    unit: UnitRow
    value: str
    text: str  # the first message of its session


@dataclass(frozen=True, slots=True)
class PickTab:
    pick: str
    label: str
    is_current: bool


def describe_units(
    request: PageRequest, experiment: Experiment, selection: Selection, *, now: datetime
) -> dict[str, Any]:  # a template context
    snapshot = current_snapshot(experiment, now=now)
    n = count_behind(experiment, selection, snapshot, now=now)
    if not n:
        rows = []  # to find that out again would be a look at all units
    elif selection.pick == "all":
        after = _position(request, experiment)
        rows = list_units(experiment, selection, now=now, after=after, limit=PAGE_SIZE + 1)
    else:
        rows = list_picked(experiment, selection, snapshot, now=now)
    shown = rows[:PAGE_SIZE]
    n_kept = count_kept(experiment, selection, now=now) if experiment.is_stopped else n
    return {
        "experiment": experiment,
        "selection": selection,
        "variant": experiment.variants.filter(key=selection.variant).first(),
        "metric": METRICS[selection.ranked_by],
        "has_own_column": METRICS[selection.ranked_by].unit == "score",  # others have one anyway
        "state_words": STATE_WORDS[selection.state],
        "n": n,
        "n_kept": n_kept if n_kept < n else None,
        "lines": _lines(experiment, selection, shown),
        "tabs": [_tab(pick, selection) for pick in PICKS],
        "next_cursor": _next_cursor(request, experiment, shown) if len(rows) > PAGE_SIZE else "",
    }


def _tab(pick: str, selection: Selection) -> PickTab:
    label = f"{pick.capitalize()} {PICKED[pick]}" if pick in PICKED else "All"
    return PickTab(pick=pick, label=label, is_current=pick == selection.pick)


def _lines(experiment: Experiment, selection: Selection, rows: list[UnitRow]) -> list[UnitLine]:
    show = FORMATS[METRICS[selection.ranked_by].unit]
    texts = dict(
        SessionText.objects.filter(
            project_id=experiment.project_id, session_id__in=[row.session_id for row in rows]
        ).values_list("session_id", "first_input")
    )
    return [
        UnitLine(
            unit=row,
            value=show(row.value_of(selection.ranked_by)),
            text=texts.get(row.session_id, ""),
        )
        for row in rows
    ]


def _position(request: PageRequest, experiment: Experiment) -> list[Any] | None:  # JSON values
    cursor = request.GET.get("cursor")
    if not cursor:
        return None
    try:
        return read_cursor(cursor, project_id=experiment.project_id, filters=filters_of(request))
    except CursorError:
        return None  # an old link: the first page


def _next_cursor(request: PageRequest, experiment: Experiment, rows: list[UnitRow]) -> str:
    return sign_cursor(
        [rows[-1].unit_id, rows[-1].variant],
        project_id=experiment.project_id,
        filters=filters_of(request),
    )

"""The page of the units behind a number."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.access import PageRequest
from core.paging import filters_of, take_page
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
    shown: list[UnitRow] = []
    following = ""
    if n and selection.pick == "all":
        shown, following = _page(request, experiment, selection, now=now)
    elif n:  # else, to find that out again would be a look at all units
        shown = list_picked(experiment, selection, snapshot, now=now)[:PAGE_SIZE]
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
        "next_cursor": following,
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


def _page(
    request: PageRequest, experiment: Experiment, selection: Selection, *, now: datetime
) -> tuple[list[UnitRow], str]:
    return take_page(
        request.GET.get("cursor", ""),
        lambda after, n: list_units(experiment, selection, now=now, after=after, limit=n),
        position_of=lambda row: [row.unit_id, row.variant],
        size=PAGE_SIZE,
        project_id=experiment.project_id,
        filters=filters_of(request),
    )

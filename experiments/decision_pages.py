"""The page of decisions: the newest of a time range, from their events."""

from dataclasses import dataclass
from typing import Any

from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.access import PageRequest, project_view
from core.models import Project
from core.timebuckets import TimeRange
from experiments.decisions import Decision, Summary, collapse_pairs, read_decision, summarise
from tracking.filterbar import describe_bar, read_page_filter
from tracking.pages import first_data_line
from tracking.payloads import load_payloads
from tracking.statements import fetch_all, fetch_one

MOST_READ = 2_000
MOST_COUNTED = 100_000
LIST_SHOWN = 50
CONTEXTS_SHOWN = 50
PICKS_SHOWN = 50

# The name is a constant of the text: it makes the partial index usable.
DECISIONS = "project_id = %s AND occurred_at >= %s AND occurred_at < %s AND name = 'decision.made'"
NEWEST = (
    "SELECT occurred_at, block_id, block_ix, id FROM tracking_event"
    f" WHERE {DECISIONS} ORDER BY occurred_at DESC, id LIMIT %s"
)
COUNT = f"SELECT count(*) FROM (SELECT FROM tracking_event WHERE {DECISIONS} LIMIT %s) found"


@dataclass(frozen=True, slots=True)
class Decisions:
    summary: Summary
    newest: list[Decision]
    n_events: int  # of the time range, up to MOST_COUNTED
    is_partial: bool


def read_decisions(project_id: int, time_range: TimeRange) -> Decisions:
    within = [project_id, time_range.start, time_range.end]
    rows = fetch_all(NEWEST, [*within, MOST_READ])
    payloads = load_payloads(project_id, [(at, block, ix) for at, block, ix, _ in rows])
    told: list[tuple[Any, dict[str, Any]]] = [
        (row, payload.attributes or {}) for row, payload in zip(rows, payloads, strict=True)
    ]
    found = collapse_pairs(read_decision(row[0], str(row[3]), data) for row, data in told)
    is_partial = len(rows) == MOST_READ
    n = (fetch_one(COUNT, [*within, MOST_COUNTED]) or (0,))[0] if is_partial else len(rows)
    return Decisions(summarise(found), found[: -LIST_SHOWN - 1 : -1], n, is_partial)


@require_GET
@project_view()
def decision_list(request: PageRequest, project: Project) -> HttpResponseBase:
    page = read_page_filter(request, now=timezone.now())
    found = read_decisions(project.pk, page.time_range)
    context = {
        **describe_bar(request, page, environments=()),
        "can_live": False,
        "found": found,
        "summary": found.summary,
        "contexts": found.summary.contexts[:CONTEXTS_SHOWN],
        "n_contexts_hidden": max(len(found.summary.contexts) - CONTEXTS_SHOWN, 0),
        "thompson": found.summary.thompson[:PICKS_SHOWN],
        "ucb": found.summary.ucb[:PICKS_SHOWN],
        "curl": first_data_line(request),
    }
    return render(request, "experiments/decisions.html", context)

"""Pages of experiments: the list, one experiment, the units behind a number of it."""

from datetime import datetime, timedelta

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.access import PageRequest, project_view
from core.models import Project
from experiments.definition import describe_definition
from experiments.discovery import MAX_DISCOVERED, get_experiment
from experiments.errors import list_run_errors
from experiments.executions import read_timeline
from experiments.finality import is_final, settles_at
from experiments.freshness import analyse_project, current_snapshot
from experiments.grid_pages import describe_grid
from experiments.leaderboard import build_leaderboard
from experiments.listing import (
    EXECUTION_LOOKS,
    Look,
    build_row,
    build_rows,
    count_waiting,
    list_executions,
)
from experiments.models import Experiment, ResultSnapshot
from experiments.ranking import rank_variants
from experiments.selecting import SelectionError, asks_for_units, read_selection
from experiments.unit_pages import describe_units
from tracking.pages import first_data_line

PAGE_BUDGET = timedelta(seconds=0.3)
PAGE_PATIENCE = timedelta(seconds=10)
RUNNING_SHOWN = 5
UNCHANGED = 204


@require_GET
@project_view()
def experiment_list(request: PageRequest, project: Project) -> HttpResponseBase:
    found = list_analysed(project)
    status = request.GET.get("status", "")
    context = {
        "rows": build_rows(found, status=status),
        "n_waiting": count_waiting(found),
        "statuses": Experiment.Status.choices,
        "status": status,
        "is_full": sum(not each.is_declared for each in found) >= MAX_DISCOVERED,
        "most": MAX_DISCOVERED,
        "curl": first_data_line(request),
    }
    return render(request, "experiments/list.html", context)


@require_GET
@project_view()
def running_fragment(request: PageRequest, project: Project) -> HttpResponseBase:
    found = list_analysed(project)
    rows = build_rows(found, status=Experiment.Status.RUNNING)
    context = {"rows": rows[:RUNNING_SHOWN], "n_more": max(len(rows) - RUNNING_SHOWN, 0)}
    return render(request, "experiments/_running.html", context)


@require_GET
@project_view()
def experiment_detail(request: PageRequest, project: Project, key: str) -> HttpResponseBase:
    experiment = get_experiment(project.pk, key)
    if asks_for_units(request.GET):
        return unit_list(request, experiment)
    if "execution" in request.GET:
        return execution_timeline(request, experiment)
    now = timezone.now()
    snapshot = current_snapshot(experiment, now=now)
    token = read_token(experiment, snapshot)
    if request.htmx and request.GET.get("seen") == token:
        return HttpResponse(status=UNCHANGED)
    context = {
        "experiment": experiment,
        "row": build_row(experiment, snapshot),
        "results": snapshot.results,
        "definition": describe_definition(experiment) if experiment.is_declared else None,
        "log": experiment.status_changes.all() if experiment.is_declared else (),
        "executions": list_executions(snapshot.results),
        "grid": describe_grid(snapshot.results, request.GET),
        "ranking": rank_variants(snapshot.results, request.GET) if experiment.is_of_runs else None,
        "computed_at": snapshot.computed_at,
        "is_final": is_final(experiment, snapshot),
        "settles_at": settles_at(experiment),
        "board": build_leaderboard(snapshot.results),
        "errors": list_run_errors(experiment, now=now) if experiment.is_of_runs else [],
        "can_live": True,
        "live": request.GET.get("live") == "1",
        "token": token,
    }
    template = "experiments/_experiment.html" if request.htmx else "experiments/detail.html"
    return render(request, template, context)


def read_token(experiment: Experiment, snapshot: ResultSnapshot) -> str:
    """A text that changes with what the page shows: new data, and what changes without any."""
    n_maturing = sum(variant["maturing"] for variant in snapshot.results["variants"])
    state = f"{experiment.n_changes}-{is_final(experiment, snapshot)}"
    return f"{snapshot.source_mark}-{state}-{n_maturing}"


def list_analysed(project: Project) -> list[Experiment]:
    now = timezone.now()
    return analyse_project(project.pk, now=now, budget=PAGE_BUDGET, patience=PAGE_PATIENCE)


def unit_list(request: PageRequest, experiment: Experiment) -> HttpResponseBase:
    try:
        selection = read_selection(request.GET)
    except SelectionError as error:
        return render(request, "experiments/bad_selection.html", {"error": error}, status=400)
    context = describe_units(request, experiment, selection, now=timezone.now())
    return render(request, "experiments/units.html", context)


def execution_timeline(request: PageRequest, experiment: Experiment) -> HttpResponseBase:
    """The runs of one execution, named by its start."""
    try:
        started_at = datetime.fromisoformat(request.GET["execution"].replace(" ", "+"))
    except ValueError:
        raise Http404("an execution is named by its start") from None
    if started_at.tzinfo is None:
        raise Http404("a start has a time zone")
    timeline = read_timeline(experiment, started_at, now=timezone.now())
    if timeline is None:
        raise Http404("no such execution among the newest")
    look = Look(timeline.status, *EXECUTION_LOOKS[timeline.status])
    context = {"experiment": experiment, "timeline": timeline, "look": look}
    return render(request, "experiments/execution.html", context)

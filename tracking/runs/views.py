"""Pages of runs: the list with the board of benchmarks, and one run."""

import shlex

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.access import PageRequest, project_view
from core.models import Project
from tracking.runs.listing import find_run_row
from tracking.runs.pages import describe_list, describe_replay, describe_run

UNCHANGED = 204


@require_GET
@project_view()
def run_list(request: PageRequest, project: Project) -> HttpResponse:
    context = describe_list(project.pk, request.GET.dict(), now=timezone.now())
    return render(request, "tracking/runs/list.html", {**context, "curl": first_run_line(request)})


@require_GET
@project_view()
def run_detail(request: PageRequest, project: Project, run_id: str) -> HttpResponseBase:
    params, now = request.GET.dict(), timezone.now()
    target = request.htmx.target if request.htmx else None
    if target == "replay":
        return render(
            request, "tracking/runs/_replay.html", describe_replay(project.pk, run_id, params)
        )
    if target == "run" and "seen" in params:
        row = find_run_row(project.pk, run_id, now=now)
        if row is not None and str(row.n_parts) == params["seen"] and row.status == "running":
            return HttpResponse(status=UNCHANGED)
    context = describe_run(project.pk, run_id, params, now=now)
    template = "tracking/runs/_run.html" if target == "run" else "tracking/runs/detail.html"
    return render(request, template, context)


def first_run_line(request: HttpRequest) -> str:
    """The command that sends a trace kept in a file, to be pasted into a shell."""
    address = shlex.quote(request.build_absolute_uri("/api/v1/runs"))
    return f"curl {address} -H 'Authorization: Bearer YOUR_KEY' --data-binary @trace.json"

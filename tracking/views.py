"""Pages of one project: overview, sessions, traces, ingestion."""

from typing import Any

from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.access import PageRequest, project_view
from core.models import Project
from tracking.arrivals import has_own_data
from tracking.filterbar import (
    PageFilter,
    build_facet,
    describe_bar,
    describe_form,
    list_environments,
    list_facets,
    name_scores,
    read_list,
    read_page_filter,
)
from tracking.ledger import read_change_token
from tracking.listing import list_sessions, list_traces
from tracking.overview import list_charts, list_tiles
from tracking.pages import describe_session, describe_trace, first_data_line
from tracking.series import freshness, top

UNCHANGED = 204
LATE_SECONDS = 30


FRAGMENTS = {
    "tracking/overview.html": "tracking/_overview.html",
    "tracking/usage.html": "tracking/_usage.html",
    "tracking/session_list.html": "tracking/_sessions.html",
    "tracking/trace_list.html": "tracking/_traces.html",
}


def pick_template(request: PageRequest, page: str) -> str:
    """The page, or its changing part alone for htmx (which wants whole pages when going back)."""
    if request.htmx and not request.htmx.history_restore_request:
        return FRAGMENTS[page]
    return page


def find_news(request: PageRequest, project: Project) -> str | None:
    """A token of what a live page shows; None when it asks for news and there is none."""
    if request.GET.get("live") != "1":
        return ""
    token = read_change_token(project.pk, now=timezone.now())
    return None if request.htmx and request.GET.get("seen") == token else token


@require_GET
@project_view()
def overview(request: PageRequest, project: Project) -> HttpResponseBase:
    token = find_news(request, project)
    if token is None:
        return HttpResponse(status=UNCHANGED)
    page = read_page_filter(request, now=timezone.now())
    environments = list_environments(project.pk, page.time_range)
    sums, tiles = list_tiles(project.pk, page.time_range, environment=page.flt.environment)
    context = {
        **describe_bar(request, page, environments=environments),
        "token": token,
        "tiles": tiles,
        "is_empty": not sums.events,
        "is_demo_alone": bool(sums.events) and not has_own_data(project.pk),
        "charts": list_charts(project.pk, page.time_range, environment=page.flt.environment),
        "curl": first_data_line(request),
    }
    return render(request, pick_template(request, "tracking/overview.html"), context)


@require_GET
@project_view()
def usage(request: PageRequest, project: Project) -> HttpResponse:
    """The most used models and prompts, and the errors met: loaded by the overview after itself."""
    page = read_page_filter(request, now=timezone.now())
    context = {
        **describe_bar(request, page, environments=()),
        "can_live": False,
        "models": top(project.pk, page.time_range, family="model", limit=8),
        "prompts": top(project.pk, page.time_range, family="prompt", limit=8),
        "errors": top(project.pk, page.time_range, family="error", limit=8),
    }
    return render(request, pick_template(request, "tracking/usage.html"), context)


@require_GET
@project_view()
def session_list(request: PageRequest, project: Project) -> HttpResponseBase:
    token = find_news(request, project)
    if token is None:
        return HttpResponse(status=UNCHANGED)
    page = read_page_filter(request, now=timezone.now())
    found, page = read_list(list_sessions, project.pk, page, cursor=request.GET.get("cursor", ""))
    context = {
        **_list_context(request, project, page, families=("model", "prompt", "error")),
        "more": describe_form(
            request.GET, page.flt, has_implicit=True, scores=name_scores(found.rows, page.flt)
        ),
        "token": token,
        "page": found,
    }
    return render(request, pick_template(request, "tracking/session_list.html"), context)


@require_GET
@project_view()
def session_detail(request: PageRequest, project: Project, session_id: str) -> HttpResponseBase:
    view = request.GET.get("view", "conversation")
    context = describe_session(
        project.pk, session_id, view=view, after=request.GET.get("after", "")
    )
    if request.htmx and request.htmx.target == "more-turns":
        return render(request, "tracking/_turns.html", context)
    return render(request, "tracking/session_detail.html", context)


@require_GET
@project_view()
def trace_list(request: PageRequest, project: Project) -> HttpResponseBase:
    token = find_news(request, project)
    if token is None:
        return HttpResponse(status=UNCHANGED)
    page = read_page_filter(request, now=timezone.now())
    found, page = read_list(list_traces, project.pk, page, cursor=request.GET.get("cursor", ""))
    statuses: list[tuple[str, int | None]] = [("ok", None), ("error", None), ("unset", None)]
    context = _list_context(request, project, page, families=("model", "prompt"))
    context = {
        **context,
        "more": describe_form(request.GET, page.flt, has_implicit=False),
        "facets": [build_facet(request.GET, "status", statuses), *context["facets"]],
        "token": token,
        "page": found,
    }
    return render(request, pick_template(request, "tracking/trace_list.html"), context)


@require_GET
@project_view()
def trace_detail(request: PageRequest, project: Project, trace_id: str) -> HttpResponseBase:
    context = describe_trace(
        project.pk,
        trace_id,
        span_key=request.GET.get("span", ""),
        first_row=request.GET.get("row", ""),
    )
    fragments = {"panel": "tracking/_panel.html", "more-rows": "tracking/_waterfall_rows.html"}
    target = request.htmx.target if request.htmx else None
    return render(request, fragments.get(target or "", "tracking/trace_detail.html"), context)


@require_GET
@project_view()
def freshness_fragment(request: PageRequest, project: Project) -> HttpResponse:
    found = freshness(project.pk, now=timezone.now())
    context = {"freshness": found, "is_late": found.oldest_pending_seconds > LATE_SECONDS}
    return render(request, "tracking/_freshness.html", context)


def _list_context(
    request: PageRequest, project: Project, page: PageFilter, *, families: tuple[str, ...]
) -> dict[str, Any]:  # a template context
    environments = list_environments(project.pk, page.time_range)
    params: QueryDict = request.GET
    return {
        **describe_bar(request, page, environments=environments),
        "facets": list_facets(project.pk, page, params, families=families),
        "curl": first_data_line(request),
    }

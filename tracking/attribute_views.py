"""Settings, attributes: names that nothing maps, and history mapped again."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.access import PageRequest, project_view
from core.audit import record_audit
from core.jobs import stop_jobs
from core.models import Project, Role
from tracking.adapters.dialects.keys import MAP_VERSION
from tracking.remapping import KIND, start_remap
from tracking.unmapped import MAX_NAMES, list_unmapped

MAX_SEARCH = 200


@require_GET
@project_view()
def attributes(request: PageRequest, project: Project) -> HttpResponse:
    search = request.GET.get("q", "").strip()[:MAX_SEARCH]
    rows, n_names, is_full = list_unmapped(project.pk, search=search)
    context = {
        "tab": "attributes",
        "rows": rows,
        "n_names": n_names,
        "max_names": MAX_NAMES,
        "is_full": is_full,
        "search": search,
        **_remap_context(project),
    }
    return render(request, "tracking/settings_attributes.html", context)


def _remap_context(project: Project) -> dict[str, Any]:  # a template context
    job = project.jobs.select_related("created_by").filter(kind=KIND).first()
    return {"map_version": MAP_VERSION, "job": job}


@require_GET
@project_view()
def remap_progress(request: PageRequest, project: Project) -> HttpResponse:
    return render(request, "tracking/_remap.html", _remap_context(project))


@require_POST
@project_view(role=Role.ADMIN)
def remap(request: PageRequest, project: Project) -> HttpResponse:
    job = start_remap(project, actor=request.user)
    record_audit(project, request.user, "attributes.remap", target=f"version {MAP_VERSION}")
    messages.success(request, f"Stored spans are being read again (job {job.pk}).")
    return redirect("tracking:settings-attributes", slug=project.slug)


@require_POST
@project_view(role=Role.ADMIN)
def stop_remap(request: PageRequest, project: Project) -> HttpResponse:
    stop_jobs(project, KIND, actor=request.user)
    return redirect("tracking:settings-attributes", slug=project.slug)

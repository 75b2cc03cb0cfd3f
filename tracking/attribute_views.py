"""Settings, attributes: names that nothing maps, and history mapped again."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from core.access import PageRequest, project_view
from core.audit import record_audit
from core.models import Job, Project, Role
from tracking.adapters.dialects.keys import MAP_VERSION
from tracking.remapping import KIND, start_remap
from tracking.unmapped import MAX_NAMES, list_unmapped

MAX_SEARCH = 200


@require_GET
@project_view()
def attributes(request: PageRequest, project: Project) -> HttpResponse:
    search = request.GET.get("q", "").strip()[:MAX_SEARCH]
    rows, n_names = list_unmapped(project.pk, search=search)
    context = {
        "tab": "attributes",
        "rows": rows,
        "n_names": n_names,
        "max_names": MAX_NAMES,
        "search": search,
        "map_version": MAP_VERSION,
        "job": Job.objects.filter(project=project, kind=KIND).first(),
    }
    return render(request, "tracking/settings_attributes.html", context)


@require_POST
@project_view(role=Role.ADMIN)
def remap(request: PageRequest, project: Project) -> HttpResponse:
    job = start_remap(project, actor=request.user)
    record_audit(project, request.user, "attributes.remap", target=f"version {MAP_VERSION}")
    messages.success(request, f"Stored spans are being read again (job {job.pk}).")
    return redirect("tracking:settings-attributes", slug=project.slug)

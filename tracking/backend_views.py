"""The page of backends: what they can do, and how requests change on the way to them."""

from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET

from core.access import PageRequest, project_view
from core.models import Project
from tracking.filterbar import describe_bar, read_page_filter
from tracking.translation_pages import describe_backends


def _range_query(request: PageRequest) -> str:
    """The time range of this page, to be added to a link's query."""
    kept = [(key, request.GET[key]) for key in ("range", "from", "to") if key in request.GET]
    return f"&{urlencode(kept)}" if kept else ""


@require_GET
@project_view()
def backends(request: PageRequest, project: Project) -> HttpResponse:
    page = read_page_filter(request, now=timezone.now())
    context = {
        **describe_bar(request, page, environments=()),
        **describe_backends(project.pk, page.time_range),
        "range_query": _range_query(request),
        "can_live": False,
        "tab": "backends",
        "chats_url": request.build_absolute_uri("/api/v1/chats"),
    }
    return render(request, "tracking/settings_backends.html", context)

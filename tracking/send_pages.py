"""The page "Send data": what to paste, with this server's address and a key, and what arrived."""

import secrets
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from core.access import PageRequest, project_view
from core.keys import issue_key, issue_publishable_key
from core.models import ApiKey, Project, Role
from tracking.arrivals import (
    BadWatchError,
    Count,
    count_since,
    has_own_data,
    list_latest,
    read_count,
    read_moment,
)
from tracking.snippets import Snippet, fill_in, find_snippet, list_snippets, slots_of

UNCHANGED = 204


@require_http_methods(["GET", "POST"])
@project_view()
def send(request: PageRequest, project: Project) -> HttpResponseBase:
    """One tab a client, named by ``with``. A POST makes a key, which this one answer shows."""
    if request.method == "POST":
        return make_key(request, slug=project.slug)
    snippet = find_snippet(request.GET.get("with", ""))
    key = _find_publishable(project) if snippet.is_publishable else ""
    return _page(request, project, snippet, key=key)


@project_view(role=Role.ADMIN)
def make_key(request: PageRequest, project: Project) -> HttpResponse:
    snippet = find_snippet(request.GET.get("with", ""))
    name = f"Send data: {snippet.label}"
    if snippet.is_publishable:
        key = issue_publishable_key(project, name, request.user).public_text
    else:
        _, key = issue_key(project, name, snippet.scopes, request.user)
    # Shown in this answer alone: a redirect would have to keep it somewhere.
    return _page(request, project, snippet, key=key, is_new=True)


def _find_publishable(project: Project) -> str:
    """The newest publishable key that any page may use; its text is no secret."""
    usable = ApiKey.objects.usable().filter(project=project, origins=[])
    found = usable.filter(kind=ApiKey.Kind.PUBLISHABLE).order_by("-created_at", "-id").first()
    return found.public_text if found else ""


def _page(
    request: PageRequest, project: Project, snippet: Snippet, *, key: str, is_new: bool = False
) -> HttpResponse:
    now = timezone.now()
    count = count_since(project.pk, now)
    slots = slots_of(
        url=request.build_absolute_uri("/").rstrip("/"),
        key=key or snippet.placeholder,
        unique=secrets.token_hex(4),
        now=now,
    )
    context: dict[str, Any] = {  # a template context
        "snippets": list_snippets(),
        "snippet": snippet,
        "text": fill_in(snippet.text, slots),
        "env": fill_in(snippet.env, slots),
        "base_url": slots["url"],
        "key": key,
        "is_new": is_new,
        "since": int(now.timestamp()),
        "base": count,
        "seen": count,
        "arrived": Count(),
        "has_own_data": has_own_data(project.pk),
    }
    return render(request, "tracking/send.html", context)


@require_GET
@project_view()
def arrivals(request: PageRequest, project: Project) -> HttpResponse:
    """What arrived since the page was opened; 204 while that is what it shows already."""
    now = timezone.now()
    try:
        since = read_moment(request.GET.get("since", ""), now=now)
        base, seen = (read_count(request.GET.get(name, "")) for name in ("base", "seen"))
    except BadWatchError as error:
        raise BadRequest(str(error)) from error
    count = count_since(project.pk, since)
    if request.htmx and count == seen:
        return HttpResponse(status=UNCHANGED)
    context = {
        "since": int(since.timestamp()),
        "base": base,
        "seen": count,
        "arrived": count.since(base),
        "latest": list_latest(project.pk, since),
        "has_own_data": True,
    }
    return render(request, "tracking/_arrivals.html", context)

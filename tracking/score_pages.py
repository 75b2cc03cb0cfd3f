"""Scores that people give on pages: they go the way of every other score."""

from typing import Any

import msgspec
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.views.decorators.http import require_POST

from core.access import PageRequest, project_view
from core.keys import project_info
from core.models import Project, Role
from tracking.forms import ScoreForm
from tracking.receive import accept_batch


@require_POST
@project_view(role=Role.ANALYST)
def add_score(request: PageRequest, project: Project) -> HttpResponse:
    form = ScoreForm(request.POST)
    if not form.is_valid():
        for name, problems in form.errors.items():
            label = form.fields[name].label if name in form.fields else ""
            messages.error(request, f"{label or 'The score'}: {' '.join(map(str, problems))}")
        return redirect(_page_of(project, request.POST))
    accepted = accept_batch(
        project_info(project),
        format="scores",
        body=msgspec.json.encode(_score_of(form.cleaned_data, user_id=request.user.pk)),
        encoding="",
        headers={},
        now=timezone.now(),
    )
    for rejection in accepted.rejections:
        messages.error(request, f"The score was refused: {rejection.message}")
    if not accepted.rejections:
        messages.success(request, "The score is stored; it shows in about two seconds.")
    return redirect(_page_of(project, form.cleaned_data))


def _score_of(fields: dict[str, Any], *, user_id: int) -> dict[str, object]:
    """A person has one opinion of a thing by each name: to score again is to change it."""
    target = {name: fields[name] for name in ("session_id", "trace_id", "span_id") if fields[name]}
    own = ["page", user_id, *target.values(), fields["name"]]
    said = {name: fields[name] for name in ("name", "value", "comment")}
    return {**target, **said, "id": ":".join(map(str, own)), "source": "human"}


def _page_of(project: Project, fields: Any) -> str:  # posted or cleaned: texts by name
    trace_id, session_id = fields.get("trace_id", ""), fields.get("session_id", "")
    if trace_id:
        page = reverse("tracking:trace-detail", args=[project.slug, trace_id])
        span_id = fields.get("span_id", "")
        return f"{page}?{urlencode({'span': span_id})}" if span_id else page
    if session_id:
        return reverse("tracking:session-detail", args=[project.slug, session_id])
    return reverse("tracking:session-list", args=[project.slug])

"""The privacy page: capture, masks, retention, erasures. For admins; each change is recorded."""

from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from core.access import PageRequest, project_view
from core.models import Job, Project, Role
from core.paging import moment_and_id, take_page
from tracking.cleaning import clean_name
from tracking.erasure import KIND, count_waiting, lift_tombstone, start_erasure
from tracking.mask_settings import masker_of
from tracking.models import ErasedSubject
from tracking.privacy import read_holdings, save_content_rules, save_retention
from tracking.privacy_forms import ContentForm, ErasureForm, RetentionForm
from tracking.retention import KIND as RETENTION

SHOWN = 50
PAGE = "tracking:settings-privacy"
COUNTED = ("events", "sessions", "documents", "quarantined", "blocks")


@require_http_methods(["GET", "POST"])
@project_view(role=Role.ADMIN)
def privacy(request: PageRequest, project: Project) -> HttpResponseBase:
    if request.method == "GET":
        return _page(request, project)
    form = ContentForm(request.POST)
    if not form.is_valid():
        return _page(request, project, content=form)
    fields = form.cleaned_data
    save_content_rules(
        project,
        capture_content=fields["capture_content"],
        masking=form.masking,
        actor=request.user,
    )
    messages.success(request, "Saved: it holds for everything that arrives from now on.")
    return redirect(PAGE, slug=project.slug)


@sensitive_post_parameters("trial")
@require_POST
@project_view(role=Role.ADMIN)
def try_masks(request: PageRequest, project: Project) -> HttpResponse:
    """The page as it was filled in, with the text masked: nothing is saved."""
    form = ContentForm(request.POST)
    if not form.is_valid():
        return _page(request, project, content=form)
    masker = masker_of(form.masking)
    text = form.cleaned_data["trial"]
    masked, found = masker.mask_text(text) if masker else (text, {})
    return _page(request, project, content=form, trial={"text": masked, "found": dict(found)})


@require_POST
@project_view(role=Role.ADMIN)
def set_retention(request: PageRequest, project: Project) -> HttpResponse:
    form = RetentionForm(request.POST)
    if not form.is_valid():
        return _page(request, project, retention=form)
    save_retention(project, **form.cleaned_data, actor=request.user)
    messages.success(request, "Saved: what is older goes within the hour.")
    return redirect(PAGE, slug=project.slug)


@sensitive_post_parameters("name")
@require_POST
@project_view(role=Role.ADMIN)
def erase(request: PageRequest, project: Project) -> HttpResponse:
    form = ErasureForm(request.POST)
    if not form.is_valid():
        return _page(request, project, erasure=form)
    name = clean_name(form.cleaned_data["name"])
    start_erasure(project, form.cleaned_data["kind"], name, actor=request.user)
    return redirect(PAGE, slug=project.slug)


@require_POST
@project_view(role=Role.ADMIN)
def lift(request: PageRequest, project: Project, erasure_id: int) -> HttpResponse:
    record = get_object_or_404(
        ErasedSubject, project_id=project.pk, pk=erasure_id, erased_at__isnull=False
    )
    lift_tombstone(project, record, actor=request.user)
    messages.success(request, f"{record.reference} may be sent again. What was erased is gone.")
    return redirect(PAGE, slug=project.slug)


@require_GET
@project_view(role=Role.ADMIN)
def erasures(request: PageRequest, project: Project) -> HttpResponse:
    """The list of erasures alone, asked again while one is at work."""
    return render(request, "tracking/_erasures.html", _describe_erasures(request, project))


def _describe_erasures(request: PageRequest, project: Project) -> dict[str, Any]:  # a context
    """A page of erasures, the newest first."""
    shown, following = take_page(
        request.GET.get("cursor", ""),
        lambda after, limit: _older_than(project, after)[:limit],
        position_of=lambda record: [record.requested_at.isoformat(), str(record.pk)],
        size=SHOWN,
        project_id=project.pk,
        filters=KIND,
    )
    keys = [record.pk for record in shown]
    found = Job.objects.filter(project=project, kind=KIND, params__erasure__in=keys).order_by("pk")
    jobs = {job.params["erasure"]: job for job in found}
    waiting = count_waiting(project.pk, shown)
    rows = [
        {
            "record": record,
            "went": [(n, what) for what in COUNTED if (n := record.counts.get(what))],
            "job": jobs.get(record.pk),
            "waiting": waiting[record.pk],
        }
        for record in shown
    ]
    return {
        "erasures": rows,
        "at_work": any(not record.erased_at for record in shown),
        "next_cursor": following,
    }


def _older_than(project: Project, place: list[Any] | None) -> QuerySet[ErasedSubject]:  # JSON
    records = ErasedSubject.objects.filter(project_id=project.pk).order_by("-requested_at", "-pk")
    if (position := moment_and_id(place)) is None:
        return records
    at, last = position
    return records.filter(Q(requested_at__lt=at) | Q(requested_at=at, pk__lt=last))


def _page(request: PageRequest, project: Project, **given: Any) -> HttpResponse:
    forms = [given.get(name) for name in ("content", "retention", "erasure")]
    asked = {k: request.GET[k] for k in ErasedSubject.Kind.values if k in request.GET}
    initial = [{"kind": kind, "name": name} for kind, name in asked.items()]
    context = {
        "tab": "privacy",
        "content": forms[0] or ContentForm.of_project(project),
        "retention": forms[1]
        or RetentionForm(
            initial={
                "retention_days": project.retention_days,
                "summary_days": project.summary_days,
            }
        ),
        "erasure": forms[2] or ErasureForm(initial=initial[0] if initial else None),
        "trial": given.get("trial"),
        "holdings": read_holdings(project, now=timezone.now()),
        "retention_job": Job.objects.filter(project=project, kind=RETENTION).first(),
        **_describe_erasures(request, project),
    }
    status = 400 if any(form is not None and form.errors for form in forms) else 200
    return render(request, "tracking/settings_privacy.html", context, status=status)

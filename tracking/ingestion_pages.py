"""The ingestion page: what became of everything sent, where it came from, what is kept aside."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from core.access import PageRequest, project_view
from core.models import Project, Role
from core.numerals import read_whole
from tracking.filterbar import describe_bar, read_page_filter
from tracking.ingest_health import hint_of, list_groups, read_sources
from tracking.ledger import list_quarantined, read_backlog, read_ledger
from tracking.pages import first_data_line
from tracking.requeue import (
    ACTIONS,
    DISCARD,
    count_retried,
    find_last_retry,
    settle_all,
    settle_one,
)
from tracking.series import freshness

PAGE = "tracking:settings-ingestion"
MOST_CODE = 100


@require_GET
@project_view()
def ingestion(request: PageRequest, project: Project) -> HttpResponse:
    now = timezone.now()
    page = read_page_filter(request, now=now)
    ledger = read_ledger(project.pk, page.time_range)
    context: dict[str, Any] = {  # a template context
        **describe_bar(request, page, environments=()),
        "can_live": False,
        "tab": "ingestion",
        "ledger": ledger,
        "reasons": [(*reason, hint_of(reason[1])) for reason in ledger.reasons],
        "warnings": [(code, n, hint_of(code)) for code, n in ledger.warnings],
        "backlog": read_backlog(project.pk),
        "freshness": freshness(project.pk, now=now),
        "sources": read_sources(project, page.time_range),
        **_describe_quarantine(request, project),
        "curl": first_data_line(request),
    }
    return render(request, "tracking/settings_ingestion.html", context)


@require_GET
@project_view()
def quarantine(request: PageRequest, project: Project) -> HttpResponse:
    """The quarantine alone, asked again while a job is at work on it."""
    context = _describe_quarantine(request, project)
    return render(request, "tracking/_quarantine.html", context)


def _describe_quarantine(request: PageRequest, project: Project) -> dict[str, Any]:
    code = request.GET.get("reason", "")[:MOST_CODE].replace("\0", "")
    groups = list_groups(project)
    n_retried = count_retried(project.pk)
    return {
        "groups": groups,
        "at_work": n_retried > 0 or any(group.job for group in groups),
        "n_retried": n_retried,
        "last_retry": find_last_retry(project.pk, now=timezone.now()),
        "reason": code,
        "samples": list_quarantined(project.pk, code=code),
    }


@require_POST
@project_view(role=Role.EDITOR)
def settle(request: PageRequest, project: Project) -> HttpResponse:
    """Retry or discard one item (``item``) or all of a reason (``reason``)."""
    action, code = request.POST.get("action", ""), request.POST.get("reason", "")
    item = request.POST.get("item", "")
    if action not in ACTIONS or bool(code) == bool(item) or "\0" in code:
        raise BadRequest("Say what to do (retry or discard) with which item or reason.")
    if item:
        number = read_whole(item, digits=15)
        if number is None:
            raise BadRequest("There is no such item.")
        n_items = settle_one(project, number, action, actor=request.user)
    else:
        n_items = settle_all(project, code, action, actor=request.user)
    _tell(request, action, n_items)
    return redirect(PAGE, slug=project.slug)


def _tell(request: PageRequest, action: str, n_items: int) -> None:
    if not n_items:
        gone = "Somebody else was faster: it is not there any more."
        unkept = f"{gone[:-1]}, or its content was not kept."
        messages.info(request, gone if action == DISCARD else unkept)
    elif action == DISCARD:
        messages.success(request, f"Discarded: {n_items:,}. The ledger counts them as rejected.")
    else:
        messages.success(request, f"To be tried again: {n_items:,}. What fails again comes back.")

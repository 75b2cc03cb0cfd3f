"""The live event log, one event whole, and files of events sent by hand."""

from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRefresh

from core.access import PageRequest, project_view
from core.keys import project_info
from core.models import Project, Role
from core.paging import CursorError
from core.timebuckets import parse_range
from tracking.event_log import (
    KINDS,
    SPAN,
    LogFilter,
    LogPage,
    follow_events,
    iso_stamp,
    list_events,
    list_news,
)
from tracking.events import SCORE, BadBodyError
from tracking.filterbar import list_environments
from tracking.inflate import TooLargeError
from tracking.pages import first_data_line, list_slots
from tracking.reading import read_event
from tracking.receive import Accepted, accept_batch
from tracking.request_body import read_body
from tracking.shapes import SpanDetail
from tracking.translation_pages import describe_span_translation

UNCHANGED = 204
MAX_TEXT = 200
REJECTED_SHOWN = 200
# What a type may begin with: those of ai-experiments (tracking.ts of its SDK), and spans.
KNOWN_TYPES = [
    "experiment.start",
    "experiment.complete",
    "variant.start",
    "variant.complete",
    "variant.error",
    "metric.computed",
    "decision.made",
    SCORE,
    SPAN,
    *KINDS,
]


@require_GET
@project_view()
def event_list(request: PageRequest, project: Project) -> HttpResponseBase:
    flt = read_log_filter(request)
    live = request.GET.get("live") == "1"
    after = request.GET.get("after", "")
    if request.htmx and after:
        try:
            page = list_news(project.pk, flt, after=after, now=timezone.now())
        except CursorError:  # of a page opened long ago: it begins anew
            return HttpResponseClientRefresh()
        if page.newest == after:
            return HttpResponse(status=UNCHANGED)
        return render(request, "tracking/_event_news.html", {"page": page, "live": live})
    context = {
        "page": _read_page(request, project, flt, live=live),
        "flt": flt,
        "is_filtered": flt != LogFilter(),
        "live": live,
        "types": KNOWN_TYPES,
        "environments": list_environments(project.pk, parse_range("30d", now=timezone.now())),
        "curl": first_data_line(request),
    }
    return render(request, "tracking/event_list.html", context)


def read_log_filter(request: PageRequest) -> LogFilter:
    """Read the filter from the URL; text that PostgreSQL cannot hold matches nothing anyway."""
    names = ("type", "q", "environment")
    texts = (request.GET.get(name, "").replace("\x00", "") for name in names)
    return LogFilter(*(text.strip()[:MAX_TEXT] for text in texts))


def _read_page(request: PageRequest, project: Project, flt: LogFilter, *, live: bool) -> LogPage:
    cursor = request.GET.get("cursor", "")
    if live and not cursor:
        return follow_events(project.pk, flt, now=timezone.now())
    return list_events(project.pk, flt, cursor=cursor)


@require_GET
@project_view()
def event_detail(request: PageRequest, project: Project, event_id: UUID) -> HttpResponse:
    found = read_event(project.pk, _moment(request.GET.get("at", "")), event_id)
    if found is None:
        raise Http404("no such event")
    context = {
        "span": found.span,
        "content": found.content,
        "slots": list_slots(found.content, kind=found.span.kind),
        **describe_span_translation(project.pk, found),
        "whole": _as_sent(found) if found.span.kind == "event" else None,
    }
    page = "tracking/_event.html" if request.htmx else "tracking/event_detail.html"
    return render(request, page, context)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Http404("an event is named by its id and its time") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _as_sent(found: SpanDetail) -> dict[str, object]:
    """A point as its sender wrote it: its data were kept whole."""
    return {
        "type": found.span.name,
        "timestamp": iso_stamp(found.span.started_at),
        "data": found.content.attributes,
        **found.content.extra,
    }


@require_http_methods(["GET", "POST"])
@project_view(role=Role.EDITOR)
def upload(request: PageRequest, project: Project) -> HttpResponseBase:
    """A file of events: whole from a form, or in parts that a script cuts it into."""
    if request.method == "POST" and request.content_type != "multipart/form-data":
        return _upload_part(request, project)
    context: dict[str, object] = {
        "max_lines": settings.INGEST_MAX_ITEMS,
        "max_bytes": settings.INGEST_MAX_BYTES,
        "tab": "upload",
    }
    if request.method == "POST":
        context |= _upload_form(request, project)
    status = 400 if "error" in context else 200
    return render(request, "tracking/upload.html", context, status=status)


def _upload_part(request: PageRequest, project: Project) -> JsonResponse:
    try:
        accepted = _accept(project, read_body(request))
    except TooLargeError as error:
        return JsonResponse({"detail": str(error)}, status=413)
    except BadBodyError as error:
        return JsonResponse({"detail": str(error)}, status=400)
    rejected = [
        {"index": each.index, "code": each.code, "message": each.message}
        for each in accepted.rejections
    ]
    return JsonResponse({"accepted": accepted.n_accepted, "rejected": rejected})


def _upload_form(request: PageRequest, project: Project) -> dict[str, object]:
    """What became of a file that a browser without scripts sent."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        return {"error": "Choose a file."}
    try:
        size, limit = file.size or 0, settings.INGEST_MAX_BYTES
        if size > limit:
            raise TooLargeError(limit=limit, size=size, inflated=False)
        accepted = _accept(project, file.read())
    except (TooLargeError, BadBodyError) as error:
        return {"error": f"{error} With JavaScript a file of any size is sent in parts."}
    return {
        "accepted": accepted,
        "rejections": accepted.rejections[:REJECTED_SHOWN],
        "n_hidden": max(len(accepted.rejections) - REJECTED_SHOWN, 0),
    }


def _accept(project: Project, body: bytes) -> Accepted:
    return accept_batch(
        project_info(project),
        format="analytics",
        body=body,
        encoding="",
        headers={},
        now=timezone.now(),
    )

"""Reading over HTTP: totals, series, and sessions, traces and spans with their filters."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import TypeVar

from django.http import Http404
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import Problem
from core.authentication import project_id_of
from core.numerals import read_whole
from core.paging import CursorError, page_size_of
from core.timebuckets import MAX_SPAN, Interval, RangeError, TimeRange, parse_range, pick_interval
from tracking import serializers
from tracking.filters import KINDS, RANGES, STATUSES, TEXTS, EventFilter, FilterError, parse_filter
from tracking.listing import list_sessions, list_spans, list_traces
from tracking.reading import TRACE_LIMIT, read_session, read_span, read_trace
from tracking.series import GROUPS, INTERVALS, METRICS, SeriesError, series, totals
from tracking.shapes import Page

Row = TypeVar("Row")
AHEAD = timedelta(hours=25)  # events may be dated up to a day ahead
MOST_SPANS = 50_000
SERIES_DEFAULT = "24h"


@contextmanager
def answering_nonsense() -> Iterator[None]:
    """Answer 400 for parameters that mean nothing, naming them."""
    try:
        yield
    except (FilterError, SeriesError, RangeError) as error:
        text = error.message if isinstance(error, FilterError) else str(error)
        raise Problem(
            400, f"{error.field}: {text}", code="invalid", errors={error.field: [text]}
        ) from error
    except CursorError as error:
        raise Problem(400, str(error), code="cursor") from error


def read_range(request: Request, default: str) -> TimeRange:
    """Read ``from``, ``to`` (or ``range``) and ``interval``."""
    query = request.GET
    return parse_range(
        query.get("range", ""),
        start=query.get("from", ""),
        end=query.get("to", ""),
        interval=query.get("interval", ""),
        now=timezone.now(),
        default=default,
    )


def _parameter(
    name: str,
    description: str = "",
    *,
    enum: Sequence[str] | None = None,
    required: bool = False,
) -> OpenApiParameter:
    return OpenApiParameter(
        name, OpenApiTypes.STR, description=description, enum=enum, required=required
    )


TIMES = [
    _parameter("from", "ISO 8601; UTC without a zone. Widened to the whole hour."),
    _parameter("to", "ISO 8601, exclusive; a day means the whole of it. Default: now."),
    _parameter("range", "Instead of from and to: 90m, 24h, 7d, 4w."),
]
CHOICES = {"kind": list(KINDS), "status": list(STATUSES)}
FILTERS = [
    *TIMES,
    *(_parameter(name, enum=CHOICES.get(name)) for name in TEXTS),
    _parameter("metadata.{key}", "A value of the events' metadata."),
    _parameter("score.{name}_gte", "The session's mean score of a name is at least this."),
    _parameter("score.{name}_lte", "… at most this."),
    *(
        OpenApiParameter(f"{name}_{end}", OpenApiTypes.NUMBER)
        for name in RANGES
        for end in ("gte", "lte")
    ),
]
PAGING = [
    OpenApiParameter("page_size", OpenApiTypes.INT, description="1 to 200; 50 by default."),
    _parameter("cursor", "From the 'next' of the page before."),
]
IMPLICIT = _parameter("implicit", "1: with sessions of traces that name none.")


def answer_page(request: Request, read: Callable[..., Page[Row]]) -> Response:
    """Answer one page of a list. A page may be short and still have a next one."""
    with answering_nonsense():
        flt: EventFilter = parse_filter(request.GET.dict(), now=timezone.now())
        page = read(
            project_id_of(request),
            flt,
            page_size=page_size_of(request),
            cursor=request.GET.get("cursor", ""),
        )
    following = None
    if page.next_cursor:
        query = request.GET.copy()
        query["cursor"] = page.next_cursor
        following = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return Response(
        {"results": [serializers.describe(row) for row in page.rows], "next": following}
    )


def find(read: Callable[[int, str], Row | None], project_id: int, path: str) -> Row | None:
    """Read what a path's end names: the slash at the end may be the path's or the id's."""
    found = read(project_id, path)
    return read(project_id, path[:-1]) if found is None and path.endswith("/") else found


class ReadView(APIView):
    required_scope = "read"


class TotalsView(ReadView):
    @extend_schema(
        operation_id="totals",
        parameters=[*TIMES, _parameter("environment")],
        responses=serializers.TotalsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Sum a time range, by whole hours; without one, everything."""
        with answering_nonsense():
            if request.GET.keys() & {"from", "to", "range"}:
                time_range = read_range(request, f"{MAX_SPAN.days}d")
            else:
                end = timezone.now() + AHEAD
                time_range = TimeRange(end - MAX_SPAN, end, Interval.WEEK)
            environment = parse_filter({"environment": request.GET.get("environment", "")})
            found = totals(project_id_of(request), time_range, environment=environment.environment)
        return Response(serializers.describe(found))


class SeriesView(ReadView):
    @extend_schema(
        operation_id="series",
        parameters=[
            *TIMES,
            _parameter("metric", enum=list(METRICS), required=True),
            _parameter("interval", "Default: by length.", enum=[str(name) for name in INTERVALS]),
            _parameter("group_by", enum=[name for name in GROUPS if name]),
            _parameter("environment", "Of this one; not with a model, provider or prompt."),
        ],
        responses=serializers.SeriesSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return a metric over time, gaps filled; without a range, the last 24 hours."""
        with answering_nonsense():
            time_range = read_range(request, SERIES_DEFAULT)
            found = series(
                project_id_of(request),
                metric=request.GET.get("metric", ""),
                interval=request.GET.get("interval") or pick_interval(time_range.span),
                time_range=time_range,
                group_by=request.GET.get("group_by", ""),
                environment=request.GET.get("environment", ""),
            )
        return Response(serializers.describe(found))


class SessionListView(ReadView):
    @extend_schema(
        operation_id="sessions_list",
        parameters=[*FILTERS, IMPLICIT, *PAGING],
        responses=serializers.SessionPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List sessions, the latest activity first."""
        return answer_page(request, list_sessions)


class SessionView(ReadView):
    @extend_schema(operation_id="session", responses=serializers.SessionDetailSerializer)
    def get(self, request: Request, session_id: str) -> Response:
        """Read a session with its first 200 traces."""
        detail = find(read_session, project_id_of(request), session_id)
        if detail is None:
            raise Http404("no such session")
        return Response(serializers.describe_session(detail))


class TraceListView(ReadView):
    @extend_schema(
        operation_id="traces_list",
        parameters=[*FILTERS, *PAGING],
        responses=serializers.TracePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List traces that have spans, newest first."""
        return answer_page(request, list_traces)


class TraceView(ReadView):
    @extend_schema(
        operation_id="trace",
        parameters=[
            OpenApiParameter("limit", OpenApiTypes.INT, description=f"At most {MOST_SPANS}.")
        ],
        responses=serializers.TraceDetailSerializer,
    )
    def get(self, request: Request, trace_id: str) -> Response:
        """Read a trace with its spans in the order they began; payloads come with each span."""
        read = partial(read_trace, limit=_read_limit(request))
        detail = find(read, project_id_of(request), trace_id)
        if detail is None:
            raise Http404("no such trace")
        return Response(serializers.describe_trace(detail))


def _read_limit(request: Request) -> int:
    limit = read_whole(request.GET.get("limit") or str(TRACE_LIMIT))
    if not limit or limit > MOST_SPANS:
        raise Problem(400, f"limit must be a whole number from 1 to {MOST_SPANS}.", code="invalid")
    return limit


class SpanListView(ReadView):
    @extend_schema(
        operation_id="spans_list",
        parameters=[*FILTERS, *PAGING],
        responses=serializers.SpanPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List spans and points, newest first."""
        return answer_page(request, list_spans)


class SpanView(ReadView):
    @extend_schema(operation_id="span", responses=serializers.SpanDetailSerializer)
    def get(self, request: Request, trace_id: str, span_id: str) -> Response:
        """Read a span with its content and attributes. A point is named by its ``id``."""
        detail = read_span(project_id_of(request), trace_id, span_id)
        if detail is None:
            raise Http404("no such span")
        return Response(serializers.describe_span(detail))

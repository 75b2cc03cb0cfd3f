"""The door of scores, and reading them: one address for both."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.authentication import project_id_of
from core.paging import moment_and_id, page_of
from tracking.adapters.scores import SOURCES
from tracking.api_views import PAGING, TIMES, answering_nonsense
from tracking.filters import FilterError, parse_filter
from tracking.ingest_schema import scores_schema
from tracking.ingest_views import IngestView
from tracking.scores import ScoreFilter, list_scores
from tracking.serializers import ScorePageSerializer, describe

TARGETS = ("session_id", "trace_id", "run_id", "user_id")
OTHERS = ("span_id", "name")


class ScoresView(IngestView):
    """Scores sent: one, an array, ``{"scores": […]}``, or one a line; and scores read."""

    required_scope = {"POST": "ingest", "GET": "read"}
    http_method_names = ["get", "post", "options"]
    takes_publishable = True

    @scores_schema
    def post(self, request: Request, **_: Any) -> Response:  # what the address names
        accepted = self.accept(request, "scores")
        rejected = [
            {"index": r.index, "code": r.code, "message": r.message} for r in accepted.rejections
        ]
        return Response({"accepted": accepted.n_accepted, "rejected": rejected}, status=202)

    @extend_schema(
        operation_id="scores_list",
        parameters=[
            *(OpenApiParameter(name, OpenApiTypes.STR) for name in (*TARGETS, *OTHERS)),
            OpenApiParameter("source", OpenApiTypes.STR, enum=SOURCES),
            *TIMES,
            *PAGING,
        ],
        responses=ScorePageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List scores, the newest first. A session has those of its traces and spans too."""
        project_id = project_id_of(request)
        with answering_nonsense():
            wanted = _read_filter(request)
        body = page_of(
            request,
            lambda after, limit: list_scores(
                project_id, wanted, limit=limit, after=moment_and_id(after)
            ),
            position_of=lambda row: [row.at.isoformat(), row.id],
            serialize=describe,
            project_id=project_id,
        )
        return Response(body)


def _read_filter(request: Request) -> ScoreFilter:
    params = request.GET.dict()
    flt = parse_filter({name: params[name] for name in params if name in _READ}, now=timezone.now())
    plain = parse_filter({"q": params.get("span_id", ""), "tag": params.get("name", "")})
    source = params.get("source", "")
    if source and source not in SOURCES:
        raise FilterError("source", f"One of {', '.join(SOURCES)}.")
    return ScoreFilter(
        **{name: getattr(flt, name) for name in TARGETS},
        span_id=plain.q,
        name=plain.tag,
        source=source,
        time_range=flt.time_range,
    )


_READ = {*TARGETS, "from", "to", "range"}

"""The door of runs, and reading them: one address for both."""

from django.http import Http404, HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import Problem
from core.authentication import project_id_of
from core.paging import moment_and_id, page_of
from tracking.api_views import PAGING, ReadView, find
from tracking.ingest_views import IngestView
from tracking.runs.listing import STATUSES, RunFilter, list_runs
from tracking.runs.reading import export_run
from tracking.runs.schema import runs_schema
from tracking.serializers import describe


class RunSerializer(serializers.Serializer[object]):
    run_id = serializers.CharField()
    status = serializers.CharField(help_text=" | ".join(STATUSES))
    intent = serializers.CharField()
    protocol = serializers.CharField()
    tier = serializers.CharField()
    provider_id = serializers.CharField()
    stop = serializers.CharField(help_text="budget:tokens, convergence, judge:accepted, …")
    started_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    duration_ms = serializers.FloatField()
    cost_usd = serializers.FloatField()
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    turns = serializers.IntegerField()
    calls = serializers.IntegerField()
    tools = serializers.IntegerField()
    agents = serializers.IntegerField()
    sub_runs = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]  # a field named as DRF's property
    error = serializers.CharField()
    quality = serializers.FloatField(allow_null=True)
    output = serializers.CharField(help_text="the first 300 characters")
    session_id = serializers.CharField()
    has_trace = serializers.BooleanField()
    n_parts = serializers.IntegerField(help_text="pieces that were sent of it")
    benchmarks = serializers.ListField(child=serializers.DictField())


class RunPageSerializer(serializers.Serializer[object]):
    results = RunSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class RunsView(IngestView):
    """Runs sent, in any of the forms Dogpile has; and runs listed."""

    required_scope = {"POST": "ingest", "GET": "read"}
    http_method_names = ["get", "post", "options"]

    @runs_schema
    def post(self, request: Request) -> Response:
        accepted = self.accept(request, "dogpile")
        rejected = [
            {"index": r.index, "code": r.code, "message": r.message} for r in accepted.rejections
        ]
        return Response({"accepted": accepted.n_accepted, "rejected": rejected}, status=202)

    @extend_schema(
        operation_id="runs_list",
        parameters=[
            OpenApiParameter("status", OpenApiTypes.STR, enum=STATUSES),
            OpenApiParameter("protocol", OpenApiTypes.STR),
            OpenApiParameter("tier", OpenApiTypes.STR),
            OpenApiParameter("q", OpenApiTypes.STR, description="In the intent; or the id."),
            *PAGING,
        ],
        responses=RunPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List runs, the latest event first."""
        project_id, now = project_id_of(request), timezone.now()
        flt = _read_filter(request)
        body = page_of(
            request,
            lambda after, limit: list_runs(
                project_id, flt, limit=limit, now=now, after=moment_and_id(after)
            ),
            position_of=lambda row: [row.last_at.isoformat(), row.run_id],
            serialize=describe,
            project_id=project_id,
        )
        return Response(body)


def _read_filter(request: Request) -> RunFilter:
    params = request.GET
    status = params.get("status", "")
    if status and status not in STATUSES:
        text = f"One of {', '.join(STATUSES)}."
        raise Problem(400, f"status: {text}", code="invalid", errors={"status": [text]})
    names = ("protocol", "tier", "q")
    return RunFilter(status, *(params.get(name, "") for name in names))


class RunView(ReadView):
    @extend_schema(
        operation_id="run",
        description=(
            "The run as Dogpile's `replay()` takes it: its trace as sent, in canonical form (keys"
            " sorted). Of a run without a trace its event log, else the piece that says most."
        ),
        responses={200: OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, run_id: str) -> HttpResponse:
        """Read a run back."""
        text = find(export_run, project_id_of(request), run_id)
        if text is None:
            raise Http404("no such run")
        return HttpResponse(text, content_type="application/json")

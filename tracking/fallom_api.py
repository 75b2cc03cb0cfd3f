"""Doors of Fallom's clients beside /v1/traces, which OTLP's view serves for both."""

from rest_framework.request import Request
from rest_framework.response import Response

from tracking.ingest_schema import fallom_metrics_schema
from tracking.ingest_views import IngestView


class FallomMetricsView(IngestView):
    """``/spans``: a session's own numbers, the latest value of each."""

    @fallom_metrics_schema
    def post(self, request: Request) -> Response:
        accepted = self.accept(request, "fallom-spans")
        rejected = [
            {"index": r.index, "code": r.code, "message": r.message} for r in accepted.rejections
        ]
        return Response({"accepted": accepted.n_accepted, "rejected": rejected}, status=202)

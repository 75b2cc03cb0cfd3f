"""OTLP over HTTP: answers to the letter of the specification, in the request's own encoding.

opentelemetry-proto, docs/specification.md: success is an empty response message, refused spans are
a partial success, every error is a google.rpc.Status. Overload and outage answer 503: the only code
that exporters of every age send again after.
"""

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import Problem
from tracking.adapters.otlp_status import content_type, partial_body, status_body
from tracking.ingest_schema import otlp_schema
from tracking.ingest_views import IngestView

PROTOBUF_TYPES = frozenset({"application/x-protobuf", "application/protobuf"})
JSON_TYPES = frozenset({"application/json", "text/json", "text/plain", ""})


class OtlpTracesView(IngestView):
    """``ExportTraceServiceRequest``, protobuf or JSON."""

    @otlp_schema
    def post(self, request: Request) -> HttpResponse:
        json = speaks_json(request)
        if not json and media_type(request) not in PROTOBUF_TYPES:
            raise Problem(
                415,
                "Content-Type must be application/x-protobuf or application/json, not"
                f" {media_type(request)[:80]!r}.",
                code="unknown_type",
            )
        accepted = self.accept(request, "otlp-json" if json else "otlp-protobuf")
        body = partial_body(accepted.rejections, json=json)
        return HttpResponse(body, content_type=content_type(json=json))

    def error_response(self, problem: Response) -> HttpResponse:
        json = speaks_json(self.request) or media_type(self.request) not in PROTOBUF_TYPES
        # Beyond a key's rate too: not every exporter knows 429.
        status = 503 if problem.status_code == 429 else problem.status_code
        retry_after = problem.headers.get("Retry-After")
        body = status_body(
            status,
            problem.data["detail"],
            json=json,
            violations=[("body", problem.data["detail"])] if status == 400 else (),
            retry_after=int(retry_after) if retry_after else None,
        )
        response = HttpResponse(body, status=status, content_type=content_type(json=json))
        for name in ("Retry-After", "WWW-Authenticate", "Allow"):
            if name in problem.headers:
                response.headers[name] = problem.headers[name]
        return response


def media_type(request: Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def speaks_json(request: Request) -> bool:
    return media_type(request) in JSON_TYPES

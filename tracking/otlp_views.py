"""OTLP over HTTP: answers to the letter of the specification, in the request's own encoding.

opentelemetry-proto, docs/specification.md: success is an empty response message, refused spans are
a partial success, every error is a google.rpc.Status. Overload and outage answer 503: the only code
that exporters of every age send again after.
"""

from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import Problem
from core.authentication import ApiKeyAuthentication, KeyClient
from core.keys import KeyInfo
from core.serving.admission import password_of
from tracking.adapters.otlp_status import LOGS, SPANS, content_type, partial_body, status_body
from tracking.ingest_schema import otlp_logs_schema, otlp_schema
from tracking.ingest_views import IngestView

PROTOBUF_TYPES = frozenset({"application/x-protobuf", "application/protobuf"})
JSON_TYPES = frozenset({"application/json", "text/json", "text/plain", ""})


class OtlpKeyAuthentication(ApiKeyAuthentication):
    """A key as everywhere, or as the password of Basic authentication, whoever the user is:
    Langfuse's clients send a public and a secret key so."""

    def authenticate(self, request: Request) -> tuple[KeyClient, KeyInfo] | None:
        scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return super().authenticate(request)
        return self.authenticate_text(password_of(credentials))


class OtlpView(IngestView):
    """What the signals share: two encodings, and errors in the request's own."""

    authentication_classes = [OtlpKeyAuthentication]
    signal = SPANS
    formats = ("otlp-protobuf", "otlp-json")

    def take(self, request: Request) -> HttpResponse:
        json = speaks_json(request)
        if not json and media_type(request) not in PROTOBUF_TYPES:
            raise Problem(
                415,
                "Content-Type must be application/x-protobuf or application/json, not"
                f" {media_type(request)[:80]!r}.",
                code="unknown_type",
            )
        accepted = self.accept(request, self.formats[json])
        body = partial_body(accepted.rejections, json=json, signal=self.signal)
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


class OtlpTracesView(OtlpView):
    """``ExportTraceServiceRequest``, protobuf or JSON."""

    @otlp_schema
    def post(self, request: Request) -> HttpResponse:
        return self.take(request)


class OtlpLogsView(OtlpView):
    """``ExportLogsServiceRequest``: what GenAI events say of spans is kept."""

    signal = LOGS
    formats = ("otlp-logs-protobuf", "otlp-logs-json")

    @otlp_logs_schema
    def post(self, request: Request) -> HttpResponse:
        return self.take(request)


class OtlpUnknownView(OtlpView):
    """Signals that are not collected: an exporter is told so in its own encoding, whoever it is."""

    authentication_classes = []
    permission_classes = []

    @extend_schema(exclude=True)
    def post(self, request: Request, path: str) -> HttpResponse:
        raise Problem(404, f"There is no /v1/{path[:80]}: post to /v1/traces or /v1/logs.")

    get = put = patch = delete = post
    http_method_names = ["get", "post", "put", "patch", "delete", "options"]


def media_type(request: Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def speaks_json(request: Request) -> bool:
    return media_type(request) in JSON_TYPES

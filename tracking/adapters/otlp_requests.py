"""An OTLP request as groups of spans that are read one by one, and one span as a request. Pure."""

from collections.abc import Sequence
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tracking.adapters.analytics_envelope import before_horizon
from tracking.adapters.body_hints import hint_at_json, hint_at_protobuf
from tracking.adapters.otlp_encode import encode_resource, encode_scope, encode_span
from tracking.adapters.otlp_json import (
    JsonRequest,
    JsonResourceSpans,
    JsonScopeSpans,
    MalformedError,
    decode_part,
)
from tracking.adapters.otlp_wire import WireRequest, WireResourceSpans, WireScopeSpans, WireSpan
from tracking.events import BadBodyError

MAX_SPANS = 10_000
LOGS_HINT = "these are logs: post them to /v1/logs, traces are ExportTraceServiceRequest"
_YEAR_NS = 365 * 86_400 * 10**9
_BOM = b"\xef\xbb\xbf"
_JSON_HINTS = {
    "resourceLogs": LOGS_HINT,
    "resourceMetrics": "these are metrics, which are not collected here",
    "resource_spans": "OTLP/JSON keys are lowerCamelCase: resourceSpans, not resource_spans",
}
FORM_HINT = 'traces are {"resourceSpans": [{"scopeSpans": [{"spans": [...]}]}]}'
OLD_HINT = "instrumentationLibrarySpans are of OTLP before 0.16: name them scopeSpans"


class Group(msgspec.Struct, frozen=True):
    """Spans of one scope. ``spans`` are in the encoding of the request, the rest is protobuf."""

    resource: bytes
    scope: bytes
    schema_url: str
    scope_schema_url: str
    spans: Sequence[bytes]
    sent_resource: bytes = b"null"  # JSON requests: as it was sent
    sent_scope: bytes = b"null"


def parse_protobuf(body: bytes) -> ExportTraceServiceRequest:
    """Parse strictly, as the door does."""
    try:
        return ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        if _has_logs(body):
            raise BadBodyError(LOGS_HINT) from None
        hint = hint_at_protobuf(body)
        raise BadBodyError(f"not an ExportTraceServiceRequest: {error}{hint}") from None


def _has_logs(body: bytes) -> bool:
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError:
        return False
    return any(
        record.time_unix_nano or record.observed_time_unix_nano or record.severity_number
        for of_resource in request.resource_logs
        for of_scope in of_resource.scope_logs
        for record in of_scope.log_records
    )


def expired_nano(field: str, at_ns: int, horizon_ns: int) -> str:
    """What is said of a time that is too old, often because it is of another unit."""
    unit = "; is it in nanoseconds?" if at_ns < _YEAR_NS else ""
    return f"{field}: {before_horizon(at_ns // 1000, horizon_ns // 1000)}{unit}"


def guard_size(n_spans: int) -> None:
    if n_spans > MAX_SPANS:
        raise BadBodyError(f"{n_spans} spans in one request, at most {MAX_SPANS} are taken")


def groups_of_protobuf(body: bytes) -> list[Group]:
    try:
        request = WireRequest.FromString(body)
    except DecodeError as error:
        raise BadBodyError(f"not an ExportTraceServiceRequest: {error}") from None
    return [
        Group(
            of_resource.resource,
            of_scope.scope,
            of_resource.schema_url,
            of_scope.schema_url,
            of_scope.spans,  # not a list: each span is copied out when it is read, and then gone
        )
        for of_resource in request.resource_spans
        for of_scope in of_resource.scope_spans
    ]


def groups_of_json(body: bytes) -> list[Group]:
    try:
        groups = [
            _group_of_json(of_resource, of_scope)
            for of_resource in _parse_json(body).resource_spans or ()
            for of_scope in of_resource.scope_spans or ()
        ]
    except MalformedError as error:
        said = f"{error}{hint_at_json(body)}"
        raise BadBodyError(f"not an ExportTraceServiceRequest as JSON: {said}") from None
    return groups


def _parse_json(body: bytes) -> JsonRequest:
    body = body.removeprefix(_BOM).strip() or b"{}"
    if body[:1] == b"[":
        raise BadBodyError(f"this is an array: {FORM_HINT}; or send a request for each")
    request = decode_part(body, JsonRequest)
    if request.resource_spans is None:
        keys = decode_part(body, dict[str, msgspec.Raw])
        hints = [hint for key, hint in _JSON_HINTS.items() if key in keys]
        if hints or keys:
            raise BadBodyError(hints[0] if hints else f"there is no resourceSpans: {FORM_HINT}")
    for each in request.resource_spans or ():
        if each.scope_spans is None and bytes(each.instrumentation_library_spans)[:1] == b"[":
            raise BadBodyError(OLD_HINT)
    return request


def _group_of_json(of_resource: JsonResourceSpans, of_scope: JsonScopeSpans) -> Group:
    return Group(
        encode_resource(of_resource.resource).SerializeToString(),
        encode_scope(of_scope.scope).SerializeToString(),
        of_resource.schema_url or "",
        of_scope.schema_url or "",
        [bytes(raw) for raw in of_scope.spans or ()],
        bytes(of_resource.resource),
        bytes(of_scope.scope),
    )


def open_protobuf(span: bytes) -> tuple[Any, bytes]:
    return WireSpan.FromString(span), span


def open_json(span: bytes) -> tuple[Any, bytes]:
    """Raises MalformedError."""
    raw = encode_span(span)
    return WireSpan.FromString(raw), raw


def wrap_protobuf(group: Group, span: bytes) -> bytes:
    """One span as a request of its own."""
    of_scope = WireScopeSpans(scope=group.scope, schema_url=group.scope_schema_url, spans=[span])
    of_resource = WireResourceSpans(
        resource=group.resource, schema_url=group.schema_url, scope_spans=[of_scope]
    )
    body: bytes = WireRequest(resource_spans=[of_resource]).SerializeToString()
    return body


def wrap_json(group: Group, span: bytes) -> bytes:
    of_scope = JsonScopeSpans(
        scope=msgspec.Raw(group.sent_scope),
        schema_url=group.scope_schema_url,
        spans=[msgspec.Raw(span)],
    )
    of_resource = JsonResourceSpans(
        resource=msgspec.Raw(group.sent_resource),
        schema_url=group.schema_url,
        scope_spans=[of_scope],
    )
    return msgspec.json.encode(JsonRequest(resource_spans=[of_resource]))

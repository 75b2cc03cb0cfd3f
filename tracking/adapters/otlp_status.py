"""The bodies that OTLP/HTTP answers with, in the request's own encoding. Pure.

A full success is an empty message: zero bytes, or ``{}``. Every error is a ``google.rpc.Status``.
"""

from collections.abc import Iterable
from typing import NamedTuple

import msgspec
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import BadRequest, RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from tracking.events import Rejection

PROTOBUF_TYPE, JSON_TYPE = "application/x-protobuf", "application/json"
SHOWN_REJECTIONS = 5
MAX_MESSAGE = 1000

_TYPE_URL = "type.googleapis.com/"

# Codes of google.rpc.Code by HTTP status. What a client may send again depends on the HTTP status.
_CODES = {
    400: 3,  # INVALID_ARGUMENT
    401: 16,  # UNAUTHENTICATED
    403: 7,  # PERMISSION_DENIED
    404: 5,  # NOT_FOUND
    405: 12,  # UNIMPLEMENTED
    408: 4,  # DEADLINE_EXCEEDED
    413: 8,  # RESOURCE_EXHAUSTED
    415: 3,
    429: 8,
    500: 13,  # INTERNAL
    503: 14,  # UNAVAILABLE
}
_UNKNOWN = 2


def content_type(*, json: bool) -> str:
    return JSON_TYPE if json else PROTOBUF_TYPE


def success_body(*, json: bool) -> bytes:
    return b"{}" if json else b""


class Signal(NamedTuple):
    """What an OTLP path takes. The partial success of each has its own name for its count."""

    item: str
    rejected: str


SPANS = Signal("span", "rejectedSpans")
LOGS = Signal("log record", "rejectedLogRecords")


def partial_body(rejections: list[Rejection], *, json: bool, signal: Signal = SPANS) -> bytes:
    """Say how many items were refused and why, the first few by name. The rest was taken."""
    message = _summarise(rejections, signal.item)
    return partial_success_body(len(rejections), message, json=json, signal=signal)


def partial_success_body(
    n_rejected: int, message: str, *, json: bool, signal: Signal = SPANS
) -> bytes:
    """A count of zero with a message is a warning."""
    if not n_rejected and not message:
        return success_body(json=json)
    if not json:
        # The answers of all signals have the same fields under the same numbers.
        answer = ExportTraceServiceResponse()
        answer.partial_success.rejected_spans = n_rejected
        answer.partial_success.error_message = message
        return answer.SerializeToString()
    said: dict[str, str] = {}
    if n_rejected:
        said[signal.rejected] = str(n_rejected)  # a 64-bit integer is a string in JSON
    if message:
        said["errorMessage"] = message
    return msgspec.json.encode({"partialSuccess": said})


def _summarise(rejections: list[Rejection], item: str) -> str:
    shown = [f"{item} {r.index}: {r.code}: {r.message}" for r in rejections[:SHOWN_REJECTIONS]]
    if len(rejections) > len(shown):
        shown.append(f"and {len(rejections) - len(shown)} more")
    return "; ".join(shown)


def status_body(
    http_status: int,
    message: str,
    *,
    json: bool,
    violations: Iterable[tuple[str, str]] = (),
    retry_after: int | None = None,
) -> bytes:
    """A ``google.rpc.Status``. ``violations`` are (field, description), ``retry_after`` seconds."""
    code = _CODES.get(http_status, _UNKNOWN)
    message = message[:MAX_MESSAGE]
    fields = [{"field": field, "description": text} for field, text in violations]
    if json:
        return _status_json(code, message, fields, retry_after)
    status = Status(code=code, message=message.encode(errors="replace").decode())
    if fields:
        bad_request = BadRequest(
            field_violations=[BadRequest.FieldViolation(**field) for field in fields]
        )
        status.details.add().Pack(bad_request)
    if retry_after is not None:
        retry = RetryInfo(retry_delay=Duration(seconds=retry_after))
        status.details.add().Pack(retry)
    body: bytes = status.SerializeToString()
    return body


def _status_json(
    code: int, message: str, fields: list[dict[str, str]], retry_after: int | None
) -> bytes:
    said: dict[str, object] = {"code": code, "message": message.encode(errors="replace").decode()}
    details: list[dict[str, object]] = []
    if fields:
        details.append({"@type": f"{_TYPE_URL}google.rpc.BadRequest", "fieldViolations": fields})
    if retry_after is not None:
        details.append(
            {"@type": f"{_TYPE_URL}google.rpc.RetryInfo", "retryDelay": f"{retry_after}s"}
        )
    if details:
        said["details"] = details
    return msgspec.json.encode(said)

"""OTLP logs, protobuf and JSON: GenAI's events are kept, the rest is counted. Pure.

What is said of a span comes as an event on this signal: its evaluation becomes a score of it, its
content a point in its trace with the span as its parent, which pages put together with it. JSON is
turned into the official message record by record, so that both encodings give equal events.
"""

from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from tracking.adapters.body_hints import hint_at_json, hint_at_protobuf
from tracking.adapters.dialects.evaluations import is_evaluation
from tracking.adapters.dialects.message_events import EVENT_NAMES
from tracking.adapters.otlp_encode import encode_log_record, encode_resource, encode_scope
from tracking.adapters.otlp_json import (
    JsonLogsRequest,
    JsonResourceLogs,
    JsonScopeLogs,
    MalformedError,
    decode_part,
)
from tracking.adapters.otlp_log_events import LogContext, map_record, score_part
from tracking.adapters.otlp_origins import Origin, origin_of
from tracking.adapters.otlp_requests import Group, expired_nano
from tracking.events import BadBodyError, Batch, Failure, IncomingEvent, Receipt, Rejection

MAX_RECORDS = 10_000

MALFORMED, EXPIRED, NOT_COLLECTED = "malformed", "expired", "log_not_collected"
BAD_TRACE_ID, BAD_SPAN_ID = "invalid_trace_id", "invalid_span_id"

_HINT = "only GenAI events are kept: evaluations, operation details and messages"
FORM_HINT = 'logs are {"resourceLogs": [{"scopeLogs": [{"logRecords": [...]}]}]}'
TRACES_HINT = "these are traces: post them to /v1/traces"
_BOM = b"\xef\xbb\xbf"


Sent = LogRecord | MalformedError


class _Logs(msgspec.Struct, frozen=True):
    """Records of one scope; ``group.spans`` holds them as they were sent, where that is JSON."""

    group: Group
    records: Sequence[Sent]


def check(body: bytes, *, json: bool, receipt: Receipt) -> tuple[int, list[Rejection]]:
    """Count the records and say which are refused. Raises BadBodyError when nothing can be read."""
    rejections: list[Rejection] = []
    n_records = 0
    for logs in _groups(body, json=json):
        for record in logs.records:
            refusal = _refuse(n_records, record, receipt)
            if refusal is not None:
                rejections.append(refusal)
            n_records += 1
    if n_records > MAX_RECORDS:
        raise BadBodyError(f"{n_records} records in one request, at most {MAX_RECORDS} are taken")
    return n_records, rejections


def read(body: bytes, *, json: bool, receipt: Receipt) -> Batch:
    """Read every record into an event, a rejection (the same as at the door) or a failure."""
    events: list[IncomingEvent] = []
    batch = Batch(events, [], [], {}, [])
    seen: Counter[bytes] = Counter()
    first = 0
    for logs in _groups(body, json=json):
        origin = origin_of(logs.group)
        if origin.hash:
            batch.origins[origin.hash] = origin.body
        for index, record in enumerate(logs.records, first):
            refusal = _refuse(index, record, receipt)
            if refusal is not None:
                batch.rejections.append(refusal)
                continue
            try:
                assert isinstance(record, LogRecord)  # what is malformed was refused
                _take(batch, record, origin, receipt, seen)
            except Exception as error:  # one record that no rule foresaw must not cost the others
                reason = f"{type(error).__name__}: {error}"
                wrapped = _wrap(logs, index - first)
                batch.failures.append(Failure(index, reason, wrapped))
        first += len(logs.records)
    return batch


def _take(
    batch: Batch, record: LogRecord, origin: Origin, receipt: Receipt, seen: Counter[bytes]
) -> None:
    """An evaluation becomes a score, where it can be one; everything else is a point."""
    raw = record.SerializeToString(deterministic=True)
    ordinal, seen[raw] = seen[raw], seen[raw] + 1
    context = LogContext(
        receipt,
        name_of(record),
        ordinal,
        origin.environment,
        origin.release,
        origin.hash,
        origin.arms,
    )
    part = score_part(record, raw, context) if is_evaluation(context.name) else None
    if part is None:
        batch.events.append(map_record(record, raw, context))
    else:
        batch.parts.append(part)


def _wrap(logs: _Logs, index: int) -> bytes:
    """One record as a request of its own, in the encoding of the request."""
    group, record = logs.group, logs.records[index]
    if group.spans:
        of_scope = JsonScopeLogs(
            scope=msgspec.Raw(group.sent_scope), log_records=[msgspec.Raw(group.spans[index])]
        )
        of_resource = JsonResourceLogs(
            resource=msgspec.Raw(group.sent_resource), scope_logs=[of_scope]
        )
        return msgspec.json.encode(JsonLogsRequest(resource_logs=[of_resource]))
    assert isinstance(record, LogRecord)
    of_resource_logs = ResourceLogs(
        resource=Resource.FromString(group.resource), scope_logs=[ScopeLogs(log_records=[record])]
    )
    return ExportLogsServiceRequest(resource_logs=[of_resource_logs]).SerializeToString()


def name_of(record: LogRecord) -> str:
    """An event's name: a field of its own, an attribute before there was one."""
    if record.event_name:
        return record.event_name
    for pair in record.attributes:
        if pair.key == "event.name":
            return pair.value.string_value
    return ""


def _refuse(index: int, record: Sent, receipt: Receipt) -> Rejection | None:
    if isinstance(record, MalformedError):
        return Rejection(index, MALFORMED, str(record))
    name = name_of(record)
    if name not in EVENT_NAMES and not is_evaluation(name):
        return Rejection(index, NOT_COLLECTED, _HINT)
    for code, field, value, size in (
        (BAD_TRACE_ID, "traceId", record.trace_id, 16),
        (BAD_SPAN_ID, "spanId", record.span_id, 8),
    ):
        if len(value) not in (0, size):
            return Rejection(index, code, f"{field} is {size} bytes or none; got {len(value)}")
    at_ns = record.time_unix_nano or record.observed_time_unix_nano
    if 999 < at_ns < receipt.horizon_us * 1000:
        said = expired_nano("timeUnixNano", at_ns, receipt.horizon_us * 1000)
        return Rejection(index, EXPIRED, said)
    return None


def _groups(body: bytes, *, json: bool) -> Iterator[_Logs]:
    return _groups_of_json(body) if json else _groups_of_protobuf(body)


def _groups_of_protobuf(body: bytes) -> Iterator[_Logs]:
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError as error:
        hint = hint_at_protobuf(body)
        raise BadBodyError(f"not an ExportLogsServiceRequest: {error}{hint}") from None
    for of_resource in request.resource_logs:
        for of_scope in of_resource.scope_logs:
            group = Group(
                of_resource.resource.SerializeToString(),
                of_scope.scope.SerializeToString(),
                of_resource.schema_url,
                of_scope.schema_url,
                (),
            )
            yield _Logs(group, of_scope.log_records)


def _groups_of_json(body: bytes) -> Iterator[_Logs]:
    try:
        request = decode_part(body.removeprefix(_BOM).strip() or b"{}", JsonLogsRequest)
        if request.resource_logs is None and decode_part(body or b"{}", dict[str, msgspec.Raw]):
            raise BadBodyError(
                TRACES_HINT
                if b"resourceSpans" in body
                else f"there is no resourceLogs: {FORM_HINT}"
            )
        groups = [
            _group_of_json(of_resource, of_scope)
            for of_resource in request.resource_logs or ()
            for of_scope in of_resource.scope_logs or ()
        ]
    except MalformedError as error:
        said = f"{error}{hint_at_json(body)}"
        raise BadBodyError(f"not an ExportLogsServiceRequest as JSON: {said}") from None
    for group in groups:
        yield _Logs(group, [_encode(raw) for raw in group.spans])


def _group_of_json(of_resource: JsonResourceLogs, of_scope: JsonScopeLogs) -> Group:
    return Group(
        encode_resource(of_resource.resource).SerializeToString(),
        encode_scope(of_scope.scope).SerializeToString(),
        of_resource.schema_url or "",
        of_scope.schema_url or "",
        [bytes(raw) for raw in of_scope.log_records or ()],
        bytes(of_resource.resource),
        bytes(of_scope.scope),
    )


def _encode(raw: bytes) -> Sent:
    try:
        return encode_log_record(raw)
    except MalformedError as error:
        return error

"""Requests as exporters build them, in both encodings."""

import json
from base64 import b64encode
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tracking.adapters import otlp
from tracking.events import IncomingEvent, Receipt

RECEIVED_US = 1_795_219_200_000_000
START_NS = (RECEIVED_US - 60_000_000) * 1000 + 123
DURATION_NS = 2_000_000_456
RECEIPT = Receipt(received_us=RECEIVED_US, horizon_us=RECEIVED_US - 90 * 86_400_000_000)


def make_value(value: object) -> AnyValue:
    if value is None:
        return AnyValue()
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    nested = AnyValue()
    if isinstance(value, list):
        nested.array_value.SetInParent()
        nested.array_value.values.extend(make_value(item) for item in value)
        return nested
    if isinstance(value, dict):
        nested.kvlist_value.SetInParent()
        nested.kvlist_value.values.extend(make_pairs(value))
        return nested
    return AnyValue(string_value=str(value))


def make_pairs(attributes: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=key, value=make_value(value)) for key, value in attributes.items()]


def make_span(attributes: dict[str, Any] | None = None, **fields: Any) -> Span:
    defaults: dict[str, Any] = {
        "trace_id": bytes(range(1, 17)),
        "span_id": bytes(range(1, 9)),
        "name": "chat gpt-4o",
        "start_time_unix_nano": START_NS,
        "end_time_unix_nano": START_NS + DURATION_NS,
    }
    return Span(attributes=make_pairs(attributes or {}), **(defaults | fields))


def make_request(*spans: Span, resource: dict[str, Any] | None = None) -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    of_resource = request.resource_spans.add()
    of_resource.resource.attributes.extend(make_pairs(resource or {}))
    of_scope = of_resource.scope_spans.add()
    of_scope.scope.name = "tests"
    of_scope.spans.extend(spans)
    return request


def map_one(attributes: dict[str, Any] | None = None, **fields: Any) -> IncomingEvent:
    """The event of one span, through the whole adapter."""
    body = make_request(make_span(attributes, **fields)).SerializeToString()
    batch = otlp.read(body, json=False, receipt=RECEIPT)
    assert (batch.rejections, batch.failures) == ([], [])
    return batch.events[0]


def json_value(value: AnyValue) -> dict[str, Any]:
    kind = value.WhichOneof("value")
    if kind is None:
        return {}
    if kind == "array_value":
        return {"arrayValue": {"values": [json_value(item) for item in value.array_value.values]}}
    if kind == "kvlist_value":
        return {"kvlistValue": {"values": json_pairs(value.kvlist_value.values)}}
    if kind == "int_value":
        return {"intValue": str(value.int_value)}
    if kind == "bytes_value":
        return {"bytesValue": b64encode(value.bytes_value).decode()}
    if kind == "double_value":
        number = value.double_value
        finite = number == number and abs(number) != float("inf")
        return {"doubleValue": number if finite else json.dumps(number)}
    return {kind.replace("_v", "V"): getattr(value, kind)}


def json_pairs(pairs: Any) -> list[dict[str, Any]]:
    return [{"key": pair.key, "value": json_value(pair.value)} for pair in pairs]


def json_span(span: Span) -> dict[str, Any]:
    return {
        "traceId": span.trace_id.hex().upper(),
        "spanId": span.span_id.hex(),
        "parentSpanId": span.parent_span_id.hex(),
        "traceState": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start_time_unix_nano),
        "endTimeUnixNano": span.end_time_unix_nano,
        "attributes": json_pairs(span.attributes),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": [
            {
                "name": event.name,
                "timeUnixNano": str(event.time_unix_nano),
                "attributes": json_pairs(event.attributes),
            }
            for event in span.events
        ],
        "links": [
            {
                "traceId": link.trace_id.hex(),
                "spanId": link.span_id.hex(),
                "attributes": json_pairs(link.attributes),
            }
            for link in span.links
        ],
        "status": {"code": span.status.code, "message": span.status.message},
        "someFutureField": {"is": ["ignored"]},
    }


def json_request(request: ExportTraceServiceRequest) -> bytes:
    """The request as OTLP/JSON, as an exporter in JavaScript writes it."""
    groups = [
        {
            "resource": {"attributes": json_pairs(of_resource.resource.attributes)},
            "scopeSpans": [
                {"scope": {"name": of_scope.scope.name}, "spans": [*map(json_span, of_scope.spans)]}
                for of_scope in of_resource.scope_spans
            ],
        }
        for of_resource in request.resource_spans
    ]
    return json.dumps({"resourceSpans": groups}).encode()

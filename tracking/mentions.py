"""Which users, sessions and traces a request body names, where nobody understands it as a whole.
Pure.

For what is kept unread: an item in quarantine belongs to an erased user if a field that names users
says their id.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from tracking.cleaning import clean_name
from tracking.events import PART_FORMAT, Part

DEPTH = 60
KEY, VALUE = "key", "value"

_is_naming = re.compile(
    r"(?i)(?:user|customer|session|conversation|thread|trace)(?:[._-]?(?:id|own))?$"
).search


def names_said(wire_format: str, body: bytes, headers: Mapping[str, str] | None = None) -> set[str]:
    """The names of users, sessions and traces that a body, and the headers with it, say."""
    if wire_format == PART_FORMAT:
        body = msgspec.json.decode(body, type=Part).body
    of_format = PROTOBUF.get(wire_format, _names_of_json)
    found = [*of_format(body), *_walk(dict(headers or {}), 0)]
    return {clean_name(text) for text in found if text}


def _names_of_json(body: bytes) -> Iterator[str]:
    try:
        documents = [msgspec.json.decode(body)]
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        documents = list(_lines(body))
    for document in documents:
        yield from _walk(document, 0)


def _lines(body: bytes) -> Iterator[Any]:  # JSON of any shape, here and below
    for line in body.splitlines():
        try:
            yield msgspec.json.decode(line)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            continue


def _walk(value: Any, depth: int) -> Iterator[str]:
    if depth >= DEPTH:
        return
    if isinstance(value, list):
        for item in value:
            yield from _walk(item, depth + 1)
    elif isinstance(value, dict):
        yield from _of_attribute(value)
        for name, item in value.items():
            if isinstance(item, str | int) and _is_naming(name):
                yield str(item)
            elif isinstance(item, dict | list):
                yield from _walk(item, depth + 1)


def _of_attribute(value: dict[str, Any]) -> Iterator[str]:
    """An attribute of OTLP/JSON: ``{"key": …, "value": {"stringValue": …}}``."""
    name, held = value.get(KEY), value.get(VALUE)
    if isinstance(name, str) and isinstance(held, dict) and _is_naming(name):
        yield from (str(item) for item in held.values() if isinstance(item, str | int))


def _names_of_spans(body: bytes) -> Iterator[str]:
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError:
        return
    for of_resource in request.resource_spans:
        yield from _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield span.trace_id.hex()
                yield from _values(span.attributes)


def _names_of_logs(body: bytes) -> Iterator[str]:
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError:
        return
    for of_resource in request.resource_logs:
        yield from _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_logs:
            for record in of_scope.log_records:
                yield record.trace_id.hex()
                yield from _values(record.attributes)


def _values(pairs: Any) -> Iterator[str]:  # a repeated field of KeyValue
    pair: KeyValue
    for pair in pairs:
        if _is_naming(pair.key):
            value = pair.value
            yield value.string_value if value.HasField("string_value") else str(value.int_value)


PROTOBUF = {"otlp-protobuf": _names_of_spans, "otlp-logs-protobuf": _names_of_logs}
"""The wire formats that are not JSON."""

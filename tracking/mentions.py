"""Which names a request body says, without understanding what it means by them. Pure.

For what is kept unread: an item in quarantine belongs to an erased user if it says their id.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from tracking.cleaning import MAX_NAME_BYTES, clean_name
from tracking.events import PART_FORMAT, Part

PROTOBUF = "otlp-protobuf"
DEPTH = 60


def strings_of(wire_format: str, body: bytes) -> set[str]:
    """Every string a body holds that may be a name, and the ids of its traces."""
    if wire_format == PART_FORMAT:
        body = msgspec.json.decode(body, type=Part).body
    found = _strings_of_protobuf(body) if wire_format == PROTOBUF else _strings_of_json(body)
    return {clean_name(text) for text in found if len(text) <= 4 * MAX_NAME_BYTES}


def _strings_of_json(body: bytes) -> Iterator[str]:
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
    if isinstance(value, str):
        yield value
    elif isinstance(value, int) and not isinstance(value, bool):
        yield str(value)
    elif isinstance(value, dict | list) and depth < DEPTH:
        for item in value.values() if isinstance(value, dict) else value:
            yield from _walk(item, depth + 1)


def _strings_of_protobuf(body: bytes) -> Iterator[str]:
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


def _values(pairs: Any) -> Iterator[str]:
    for pair in pairs:
        yield from _value(pair.value, 0)


def _value(value: AnyValue, depth: int) -> Iterator[str]:
    if value.HasField("string_value"):
        yield value.string_value
    elif value.HasField("int_value"):
        yield str(value.int_value)
    elif value.HasField("array_value") and depth < DEPTH:
        for item in value.array_value.values:
            yield from _value(item, depth + 1)

"""OTLP/JSON to the wire bytes of the same span. Pure.

Written by hand because protobuf's own JSON mapping is another format: it takes ids for base64 and
enum names for numbers. Here ids are hex in either case, 64-bit integers strings or numbers, unknown
fields ignored. A span is read on its own, so one that is malformed costs no neighbour.
"""

import re
from typing import TypeVar

import msgspec

T = TypeVar("T")


class MalformedError(ValueError):
    """This item is not what OTLP/JSON says; the message names the place."""


class JsonValue(msgspec.Struct, rename="camel", gc=False):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | float | str | None = None
    double_value: float | str | None = None
    array_value: "JsonArray | None" = None
    kvlist_value: "JsonObject | None" = None
    bytes_value: str | None = None


class JsonPair(msgspec.Struct, gc=False):
    key: str = ""
    value: JsonValue | None = None


class JsonArray(msgspec.Struct, gc=False):
    values: list[JsonValue | None] = []


class JsonObject(msgspec.Struct, gc=False):
    values: list[JsonPair] = []


class JsonResource(msgspec.Struct, rename="camel", gc=False):
    attributes: list[JsonPair] | None = None
    dropped_attributes_count: int | None = None


class JsonScope(msgspec.Struct, rename="camel", gc=False):
    name: str | None = None
    version: str | None = None
    attributes: list[JsonPair] | None = None
    dropped_attributes_count: int | None = None


class JsonEvent(msgspec.Struct, rename="camel", gc=False):
    time_unix_nano: int | str | None = None
    name: str | None = None
    attributes: list[JsonPair] | None = None
    dropped_attributes_count: int | None = None


class JsonLink(msgspec.Struct, rename="camel", gc=False):
    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    attributes: list[JsonPair] | None = None
    dropped_attributes_count: int | None = None
    flags: int | None = None


class JsonStatus(msgspec.Struct, gc=False):
    message: str | None = None
    code: int | None = None


class JsonSpan(msgspec.Struct, rename="camel", gc=False):
    trace_id: str | None = None
    span_id: str | None = None
    trace_state: str | None = None
    parent_span_id: str | None = None
    flags: int | None = None
    name: str | None = None
    kind: int | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[JsonPair] | None = None
    dropped_attributes_count: int | None = None
    events: list[JsonEvent] | None = None
    dropped_events_count: int | None = None
    links: list[JsonLink] | None = None
    dropped_links_count: int | None = None
    status: JsonStatus | None = None


class JsonLogRecord(msgspec.Struct, rename="camel", gc=False):
    time_unix_nano: int | str | None = None
    observed_time_unix_nano: int | str | None = None
    severity_number: int | None = None
    severity_text: str | None = None
    body: JsonValue | None = None
    attributes: list[JsonPair] | None = None
    dropped_attributes_count: int | None = None
    flags: int | None = None
    trace_id: str | None = None
    span_id: str | None = None
    event_name: str | None = None


class JsonScopeLogs(msgspec.Struct, rename="camel"):
    scope: msgspec.Raw = msgspec.Raw(b"null")
    log_records: list[msgspec.Raw] | None = None
    schema_url: str | None = None


class JsonResourceLogs(msgspec.Struct, rename="camel"):
    resource: msgspec.Raw = msgspec.Raw(b"null")
    scope_logs: list[JsonScopeLogs] | None = None
    schema_url: str | None = None


class JsonLogsRequest(msgspec.Struct, rename="camel"):
    resource_logs: list[JsonResourceLogs] | None = None


class JsonScopeSpans(msgspec.Struct, rename="camel"):
    scope: msgspec.Raw = msgspec.Raw(b"null")
    spans: list[msgspec.Raw] | None = None
    schema_url: str | None = None


class JsonResourceSpans(msgspec.Struct, rename="camel"):
    resource: msgspec.Raw = msgspec.Raw(b"null")
    scope_spans: list[JsonScopeSpans] | None = None
    schema_url: str | None = None
    instrumentation_library_spans: msgspec.Raw = msgspec.Raw(b"null")  # before OTLP 0.16


class JsonRequest(msgspec.Struct, rename="camel"):
    resource_spans: list[JsonResourceSpans] | None = None


_HINTS = {
    "got `object` - at `$.attributes`": (
        ': attributes are a list of {"key": ..., "value": {"stringValue": ...}}'
    ),
    "got `str` - at `$.kind`": ": OTLP/JSON says enums by number, 3 for SPAN_KIND_CLIENT",
    "got `str` - at `$.status`": ': a status is {"code": 2, "message": ...}',
    "got `str` - at `$.status.code`": ": OTLP/JSON says enums by number, 2 for STATUS_CODE_ERROR",
    ".value`": ': a value is {"stringValue": ...}, {"intValue": ...}, {"arrayValue": ...}, …',
}
_escapes = re.compile(
    rb"\\\\|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def mend_surrogates(text: bytes) -> bytes:
    """Replace escapes of lone surrogates, which no UTF-8 text can hold, by U+FFFD."""
    return _escapes.sub(lambda found: found[0] if len(found[0]) != 6 else b"\\ufffd", text)


def decode_part(raw: bytes, kind: type[T]) -> T:
    """Decode a part of a request."""
    try:
        try:
            return msgspec.json.decode(raw, type=kind)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            return msgspec.json.decode(mend_surrogates(raw), type=kind)
    except RecursionError:
        raise MalformedError("nested too deeply") from None
    except ValueError as error:
        hint = next((hint for part, hint in _HINTS.items() if part in str(error)), "")
        raise MalformedError(f"{error}{hint}") from None

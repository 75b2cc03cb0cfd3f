"""Which of Dogpile's things an object is: told by its shape, for no envelope names it. Pure."""

import enum
from collections.abc import Iterator

from tracking.adapters.analytics_times import BadTimeError, parse_time
from tracking.adapters.dogpile.values import JsonObject, object_of, objects_of, time_of
from tracking.adapters.json_items import FaultError
from tracking.cleaning import MAX_NAME_BYTES, clean_name


class Shape(enum.StrEnum):
    EVENT = "event"
    EVENT_LOG = "event log"
    TRACE = "trace"
    RESULT = "run result"
    BENCHMARK = "benchmark artifact"
    TRANSCRIPT = "transcript"
    AUDIT = "audit record"
    METRICS = "metrics snapshot"


ERROR = "error"
CHUNK = "model-output-chunk"
MAX_SUB_RUNS = 32  # one within the other

FORMS = {
    Shape.EVENT: '{"type": "agent-turn", "runId": "…", "at": "2026-03-04T09:15:00.000Z", …}',
    Shape.EVENT_LOG: '{"kind": "run-event-log", "runId": "…", "events": […]}',
    Shape.TRACE: '{"schemaVersion": "1.0", "runId": "…", "protocol": "…", "events": […], …}',
    Shape.RESULT: '{"output": "…", "trace": {"runId": "…", "events": […], …}, …}',
    Shape.BENCHMARK: '{"kind": "benchmark-run", "runId": "…", "reproducibility": {…}, …}',
    Shape.TRANSCRIPT: '{"kind": "run-transcript", "runId": "…", "entries": […]}',
    Shape.AUDIT: '{"auditSchemaVersion": "1", "runId": "…", "outcome": {…}, …}',
    Shape.METRICS: '{"outcome": "…", "turns": 2, "costUsd": 0.0019, …}',
}
WHAT_TO_SEND = "send a trace, a run result, stream events (one, an array, or one a line)"

_KINDS = {
    "benchmark-run": Shape.BENCHMARK,
    "run-transcript": Shape.TRANSCRIPT,
    "run-event-log": Shape.EVENT_LOG,
    "benchmark-streaming-event-log": Shape.EVENT_LOG,
}
_MARKS: dict[Shape, frozenset[str]] = {
    Shape.TRACE: frozenset(
        {"schemaVersion", "events", "providerCalls", "protocolDecisions", "inputs", "agentsUsed"}
        | {"budgetStateChanges", "finalOutput", "seed", "protocol", "tier"}
    ),
    Shape.RESULT: frozenset({"trace", "eventLog", "output", "accounting", "usage", "metadata"}),
    Shape.BENCHMARK: frozenset({"reproducibility", "score", "accounting", "quality"}),
    Shape.TRANSCRIPT: frozenset({"entries", "entryCount", "finalOutput"}),
    Shape.AUDIT: frozenset({"outcome", "turnCount", "agentCount", "agents", "startedAt"}),
    Shape.METRICS: frozenset({"outcome", "turns", "durationMs", "costUsd", "totalCostUsd"}),
    Shape.EVENT: frozenset({"at", "agentId", "role", "cost", "callId", "toolCallId", "type"}),
    Shape.EVENT_LOG: frozenset({"events", "eventTypes", "eventCount"}),
}
_NEEDS: dict[Shape, tuple[tuple[str, type, str], ...]] = {
    Shape.EVENT: (("type", str, "a text"),),
    Shape.EVENT_LOG: (("events", list, "an array"),),
    Shape.TRACE: (("events", list, "an array"),),
    Shape.RESULT: (("trace", dict, "an object"),),
    Shape.BENCHMARK: (("reproducibility", dict, "an object"),),
    Shape.TRANSCRIPT: (("entries", list, "an array"),),
    Shape.AUDIT: (),
    Shape.METRICS: (),
}


def tell_shape(value: object) -> Shape:
    """Return what an item is; raise FaultError naming the field and the nearest form."""
    if not isinstance(value, dict):
        raise FaultError("not_an_object", f"an item is an object like {FORMS[Shape.EVENT]}")
    shape = guess_shape(value)
    if shape is None:
        raise FaultError("shape_unknown", _explain(value))
    for name, kind, words in _NEEDS[shape]:
        if not isinstance(value.get(name), kind):
            found = "is missing" if name not in value else f"must be {words}"
            raise FaultError("field_invalid", f'"{name}" {found}: {_form(shape)}')
    _check_run_id(value, shape)
    _check_parents(value)
    if shape is Shape.EVENT:
        _check_event(value)
    return shape


def _check_parents(value: JsonObject) -> None:
    parents = value.get("parentRunIds")
    if isinstance(parents, list) and len(parents) > MAX_SUB_RUNS:
        reason = f"{len(parents)} runs around it, at most {MAX_SUB_RUNS} are taken"
        raise FaultError("too_deep", f'"parentRunIds" names {reason}')


def run_id_of(value: JsonObject, shape: Shape) -> str:
    """The id of the run an item belongs to, of its outermost parent's for a sub-run; or ""."""
    if shape is Shape.RESULT:
        places = [value.get("trace"), value.get("metadata"), value.get("eventLog"), value]
        ids = [object_of(place).get("runId") for place in places]
        return next((each for each in ids if isinstance(each, str) and each), "")
    # Dogpile 0.4 puts the ancestors of a bubbled event first to last, outermost first.
    parents = value.get("parentRunIds")
    if isinstance(parents, list) and parents and isinstance(parents[0], str) and parents[0]:
        return parents[0]
    run_id = value.get("runId")
    return run_id if isinstance(run_id, str) else ""


def events_in(value: JsonObject, shape: Shape) -> list[JsonObject]:
    if shape is Shape.EVENT:
        return [value]
    if shape in (Shape.TRACE, Shape.EVENT_LOG):
        return objects_of(value.get("events"))
    inner = object_of(value.get("trace")) or object_of(value.get("eventLog"))
    return objects_of(inner.get("events"))


def embedded_in(event: JsonObject) -> tuple[Shape, JsonObject] | None:
    """What a sub-run's event carries of the sub-run: its whole result, or what there was of it."""
    result = object_of(event.get("subResult"))
    if result:
        return Shape.RESULT, result
    partial = object_of(event.get("partialTrace"))
    return (Shape.TRACE, partial) if partial else None


def moments_in(value: JsonObject, shape: Shape) -> Iterator[int]:
    """Every time that deriving will look at."""
    inner = value if shape is Shape.TRACE else object_of(value.get("trace"))
    places = [value, object_of(value.get("metadata")), object_of(inner.get("finalOutput"))]
    for name in ("providerCalls", "protocolDecisions"):
        places += objects_of(inner.get(name))
    events = events_in(value, shape)
    for each in [*places, *events]:
        for key in ("at", "startedAt", "completedAt"):
            found = time_of({"at": each[key]}) if key in each else None
            if found is not None:
                yield found
    for event in events:
        inside = embedded_in(event)
        if inside is not None:
            yield from moments_in(inside[1], inside[0])


def guess_shape(value: JsonObject) -> Shape | None:
    """What an object is by its keys alone; None when it is nothing of Dogpile's."""
    by_kind = _KINDS.get(str(value.get("kind")))
    if by_kind is not None:
        return by_kind
    if "auditSchemaVersion" in value:
        return Shape.AUDIT
    if "trace" in value or ("eventLog" in value and "output" in value):
        return Shape.RESULT
    if "type" in value and not ("schemaVersion" in value and isinstance(value.get("events"), list)):
        return Shape.EVENT
    if "schemaVersion" in value or ("events" in value and "runId" in value):
        return Shape.TRACE
    is_metrics = "outcome" in value and len(_MARKS[Shape.METRICS] & value.keys()) > 1
    return Shape.METRICS if is_metrics else None


def _explain(value: JsonObject) -> str:
    if "resourceSpans" in value:
        return "this is OTLP: send it to /v1/traces"
    if "messages" in value or "chunks" in value:
        return "this is no run: chat requests and responses go to /api/v1/chats"
    nearest = max(_MARKS, key=lambda shape: len(_MARKS[shape] & value.keys()))
    kind = value.get("kind")
    if isinstance(kind, str):
        known = ", ".join(f'"{each}"' for each in _KINDS)
        return f'"kind" is "{clean_name(kind)[:80]}", which is none of {known}: {WHAT_TO_SEND}'
    if not _MARKS[nearest] & value.keys():
        return f'neither "type" nor "kind" nor "schemaVersion" is there: {WHAT_TO_SEND}'
    missing = [f'"{name}"' for name in _telling(nearest) if name not in value]
    return f"{' and '.join(missing)} missing; the nearest form: {_form(nearest)}"


def _telling(shape: Shape) -> tuple[str, ...]:
    return {
        Shape.TRACE: ("schemaVersion", "runId"),
        Shape.RESULT: ("trace",),
        Shape.EVENT: ("type",),
        Shape.AUDIT: ("auditSchemaVersion",),
        Shape.METRICS: ("outcome", "turns"),
    }.get(shape, ("kind",))


def _form(shape: Shape) -> str:
    article = "an" if shape in (Shape.EVENT, Shape.EVENT_LOG, Shape.AUDIT) else "a"
    return f"{article} {shape} is {FORMS[shape]}"


def _check_run_id(value: JsonObject, shape: Shape) -> None:
    if run_id_of(value, shape):
        return
    # A metrics snapshot names no run, and a run may fail before it has an id.
    is_loose = shape is Shape.METRICS or (shape is Shape.EVENT and value.get("type") == ERROR)
    if not is_loose:
        where = '"trace.runId"' if shape is Shape.RESULT else '"runId"'
        raise FaultError(
            "run_id_missing", f"{where} must be a text that is not empty: {_form(shape)}"
        )


def _check_event(event: JsonObject) -> None:
    name = str(event["type"])
    if not name.strip() or len(name.encode()) > MAX_NAME_BYTES:
        raise FaultError("type_invalid", f'"type" must be a text of 1 to {MAX_NAME_BYTES} bytes')
    for key in ("at", "startedAt", "completedAt"):
        try:
            parse_time(event.get(key))
        except BadTimeError as error:
            raise FaultError("timestamp_invalid", f'"{key}": {error}') from None

"""One flat span of Fallom's, to an :class:`IncomingEvent`. Pure."""

from typing import Any

import msgspec

from tracking.adapters import fallom_raw as raw
from tracking.adapters.analytics_fields import overrule
from tracking.adapters.dialects.arms import Arm
from tracking.adapters.dialects.attributes import (
    Gathered,
    gather_attributes,
    settle,
)
from tracking.adapters.dialects.codecs import METADATA, NAME, TAGS, WRONG_TYPE, Codec
from tracking.adapters.dialects.keys import FALLOM_SPANS, MAP_VERSION, TOLD_FIELDS
from tracking.adapters.dialects.sealing import seal
from tracking.adapters.fallom_bodies import Bodies, judgement_of, take_bodies
from tracking.adapters.fallom_names import (
    CLIENT_FAULT,
    error_type_of,
    kind_of,
    model_name,
    operation_of,
    provider_of,
)
from tracking.adapters.fallom_usage import read_usage, usage_of_steps
from tracking.adapters.json_values import JsonObject, length_us, number, obj, objects, text
from tracking.cleaning import clean_error, clean_name
from tracking.events import IncomingEvent, Kind, Payload, Receipt, Status
from tracking.identity import content_rank, span_identity
from tracking.timestamps import Settled, settle_span

REST = "fallom.span."
"""Before the name of a field that no column holds, among the attributes."""
CONTENT_DROPPED = "content_dropped"
TWICE = "fallom."
"""Before names among the fields that a span told: one that an attribute says as well."""

FIELDS: dict[str, tuple[str, Codec]] = {
    "config_key": ("config_key", NAME),
    "session_id": ("session_own", NAME),
    "customer_id": ("user_own", NAME),
    "prompt_key": ("prompt_key", NAME),
    "prompt_version": ("prompt_version", NAME),
    "tags": ("tags", TAGS),
    "metadata": ("metadata", METADATA),
}
_LOOKED_AT = ("time_to_first_token_ms", "prompt_ab_test_key", "prompt_variant_index")
READ_FIELDS = frozenset({*FIELDS, *_LOOKED_AT, "model", "kind", "status", "error_message"})
"""What columns give back, unless it is kept beside them."""

_TAKEN = frozenset({"trace_id", "span_id", "name", "attributes"})
_TIMES = ("start_time", "end_time")
_STATUSES = {"OK": Status.OK, "ERROR": Status.ERROR, "UNSET": Status.UNSET}


class FlatSpan(msgspec.Struct, frozen=True, gc=False):
    """A span that the door let in."""

    data: JsonObject
    content: bytes  # the span as JSON
    trace_id: str
    span_id: str
    parent_span_id: str
    start_ns: int  # 0: it names none
    end_ns: int
    warnings: tuple[str, ...]


def map_flat_span(flat: FlatSpan, receipt: Receipt) -> IncomingEvent:
    data = flat.data
    attributes = dict(obj(data.get("attributes")))
    rest: dict[str, object] = {}
    bodies = take_bodies(data, attributes)
    gathered = gather_attributes(attributes)
    times = settle_span(flat.start_ns, flat.end_ns, receipt)
    said = _read_fields(data, gathered, rest)
    _read_call(said, attributes, bodies, data)
    status = _read_status(data, said, rest)
    _read_kind(data, said, rest)
    _keep_odd(data, times, rest)
    overrule(gathered, said)
    arms = arm_of(data.get("prompt_ab_test_key"), data.get("prompt_variant_index"))
    settle(gathered, times.duration_us, arms)
    _keep_unused(data, gathered, arms, rest)
    told = [key for key in data if key in READ_FIELDS and data[key] and key not in rest]
    payload = _payload_of(gathered, bodies, rest, told + bodies.told)
    return IncomingEvent(
        id=span_identity(flat.trace_id, flat.span_id),
        occurred_us=times.occurred_us,
        duration_us=times.duration_us,
        ns_rest=times.ns_rest,
        needs_clock=times.needs_clock,
        content_rank=content_rank(flat.content),
        status=status,
        name=clean_name(text(data.get("name")) or "span"),
        trace_id=flat.trace_id,
        span_id=flat.span_id,
        parent_span_id=flat.parent_span_id,
        evaluations=(*judgement_of(attributes), *gathered.evaluations),
        seen=gathered.seen,
        map_version=FALLOM_SPANS + MAP_VERSION,
        warnings=_warnings_of(flat, gathered, times, bodies),
        payload=payload,
        **gathered.columns,
    )


def _read_fields(data: JsonObject, gathered: Gathered, rest: dict[str, object]) -> dict[str, Any]:
    """Columns of the span's own fields; into ``rest`` goes what they do not give back."""
    said: dict[str, Any] = {}
    for key, value in data.items():
        if key in _TAKEN or value is None or value in ("", [], {}):
            continue
        if key not in FIELDS:
            if key not in _ELSEWHERE:
                rest[key] = value
            continue
        column, codec = FIELDS[key]
        read, exact, warning = codec.read(value)
        if read is not None:
            said[column] = read
        if warning or (read is None and not exact):
            gathered.warnings.append(warning or WRONG_TYPE)
            rest[key] = value
        elif (codec is METADATA and msgspec.json.decode(str(read)) != value) or (
            codec is TAGS and not exact
        ):
            rest[key] = value  # flattened, or some of them twice: the column lacks something
    return said


def _read_call(
    said: dict[str, Any], attributes: JsonObject, bodies: Bodies, data: JsonObject
) -> None:
    """What the call was: operation, models, provider, tokens, time to the first token."""
    response = bodies.response
    timings = raw.read_object(attributes.get(raw.TIMINGS))
    method = text(attributes.get("fallom.method")) or text(data.get("name"))
    integration = text(attributes.get("fallom.integration"))
    # AI SDK 5 computes what a whole result says: written as JSON, an agent's has steps alone.
    steps = objects(timings.get("steps")) or response.read_steps()
    last = steps[-1] if steps else {}
    named = clean_name(model_name(text(data.get("model")), integration))
    requested = clean_name(model_name(text(bodies.request.model))) or named
    answered_by = response.answered_by or text(obj(last.get("response")).get("modelId"))
    model = clean_name(model_name(answered_by)) or named or requested
    provider = provider_of(
        text(attributes.get("fallom.provider")),
        text(attributes.get("fallom.base_url")),
        "" if integration else method,
        model,
    )
    found: dict[str, Any] = {
        "operation": operation_of(method),
        "model_requested": requested,
        "model": model,
        "provider": clean_name(provider),
        "finish_reason": clean_name(_finish_of(response, last, attributes)),
        "ttft_us": _ttft_of(data, attributes, timings),
    }
    said.update({column: value for column, value in found.items() if value not in (None, "")})
    usage = raw.read_object(attributes.get(raw.USAGE)) or response.own_usage
    metadata = raw.read_object(attributes.get(raw.PROVIDER_METADATA))
    said.update(read_usage(usage_of_steps(usage, steps), metadata, provider=provider))


def _finish_of(response: raw.Response, last_step: JsonObject, attributes: JsonObject) -> str:
    finish = response.finish or text(last_step.get("finishReason"))
    if not finish and raw.MASKED in attributes:
        finish = text(raw.read_object(attributes[raw.MASKED]).get("finishReason"))
    return finish


def _ttft_of(data: JsonObject, attributes: JsonObject, timings: JsonObject) -> int | None:
    told = (
        data.get("time_to_first_token_ms"),
        attributes.get("fallom.time_to_first_token_ms"),
        timings.get("firstTokenTime"),
    )
    return length_us(next((each for each in told if each is not None), None))


def _read_status(data: JsonObject, said: dict[str, Any], rest: dict[str, object]) -> int:
    sent, message = data.get("status"), data.get("error_message")
    status = _STATUSES.get(sent.upper()) if isinstance(sent, str) else None
    if status is None and sent is not None:
        rest["status"] = sent
    if isinstance(message, str) and message:
        said["error"] = clean_error(message)
        if error_type := error_type_of(message):
            said["error_type"] = error_type
        if status is None:
            status = Status.ERROR
    if message and message != said.get("error"):
        rest["error_message"] = message
    return int(status or Status.UNSET)


def _read_kind(data: JsonObject, said: dict[str, Any], rest: dict[str, object]) -> None:
    sent = data.get("kind")
    kind = kind_of(sent, said.get("operation", ""))
    if kind is None and "tokens_out" in said:
        kind = Kind.LLM
    if kind is not None:
        said["kind"] = int(kind)
    if sent and (kind is None or kind.name.lower() != sent):
        rest["kind"] = sent


def _keep_odd(data: JsonObject, times: Settled, rest: dict[str, object]) -> None:
    """Times that were replaced, and a length that is not the time between start and end."""
    if times.is_replaced:
        rest.update({key: data[key] for key in _TIMES if data.get(key)})
    length = number(data.get("duration_ms"))
    if data.get("duration_ms") is not None and (
        length is None or abs(times.duration_us / 1000 - length) >= 1
    ):
        rest["duration_ms"] = data["duration_ms"]


def _keep_unused(
    data: JsonObject, gathered: Gathered, arms: tuple[Arm, ...], rest: dict[str, object]
) -> None:
    """Keep what did not become the column that it was for."""
    columns = gathered.columns
    unused: tuple[str, ...] = ()
    if "ttft_us" not in columns:
        unused += ("time_to_first_token_ms",)
    if not arms or columns.get("arms") != arms:  # among several nobody knows which it was
        unused += ("prompt_ab_test_key", "prompt_variant_index")
    if data.get("model") not in (columns.get("model"), columns.get("model_requested")):
        unused += ("model",)
    if data.get("name") and clean_name(text(data["name"])) != data["name"]:
        unused += ("name",)
    rest.update({key: data[key] for key in unused if data.get(key) is not None})


def arm_of(test: object, variant: object) -> tuple[Arm, ...]:
    """The arm of a prompt A/B test: its key, and the index of the variant."""
    name = clean_name(text(test))
    if isinstance(variant, int) and not isinstance(variant, bool):
        variant = str(variant)
    return ((name, clean_name(variant)),) if name and isinstance(variant, str) and variant else ()


def _payload_of(
    gathered: Gathered, bodies: Bodies, rest: dict[str, object], told: list[str]
) -> Payload:
    take = gathered.columns.pop
    of_attributes = take("input", None), take("output", None), take("system", None)
    leftover = gathered.leftover
    for key, value in rest.items():
        if leftover.get(f"fallom.{key}") != value:  # a wrapper may say a field twice
            leftover[REST + key] = seal(value)
        else:
            told.append(TWICE + key)
    return Payload(
        bodies.input if bodies.input is not None else of_attributes[0],
        bodies.output if bodies.output is not None else of_attributes[1],
        of_attributes[2],
        leftover or None,
        extra={TOLD_FIELDS: sorted(told)} if told else None,
    )


def _warnings_of(
    flat: FlatSpan, gathered: Gathered, times: Settled, bodies: Bodies
) -> tuple[str, ...]:
    warnings = {*flat.warnings, *gathered.warnings, *times.warnings}
    if bodies.is_dropped:
        warnings.add(CONTENT_DROPPED)
    if gathered.columns.get("error_type") == CLIENT_FAULT:
        warnings.add(CLIENT_FAULT)
    return tuple(sorted(warnings))


_ELSEWHERE = frozenset(
    {
        *_LOOKED_AT,
        *("parent_span_id", "model", "kind", "status", "error_message", "duration_ms", *_TIMES),
    }
)

"""What all the pieces of an exchange mean: spans, and what lists show of it. Pure."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from tracking.adapters.analytics_points import SESSION_TRACE
from tracking.adapters.json_values import JsonObject, moment_us, name, obj, objects, text
from tracking.adapters.matey_attempts import Attempt, Pieces, attempts_of, read_pieces
from tracking.adapters.matey_spans import (
    PREFIX,
    ROOT_ID,
    SYSTEM,
    Whose,
    ir_warnings,
    passage_of,
    seal_rank,
    settle_start,
    span_of,
    warning_codes,
)
from tracking.adapters.matey_streams import distinct
from tracking.cleaning import clean_error, clean_name, clean_text
from tracking.events import Derived, IncomingEvent, Kind, Part, Payload, Status
from tracking.identity import given_identity, span_identity

MAX_ATTEMPTS = 50  # shown of one request: each repeats what was asked
ATTEMPTS_CUT = "attempts_cut"
MAX_COUNTED = 50  # kinds of warnings that a summary counts
POINT_NAMES = {"warning": "ai.matey warning", "chunk": "ai.matey chunk"}


def derive_exchange(key: str, parts: Sequence[Part]) -> Derived:
    pieces = read_pieces(parts)
    found = attempts_of(pieces)
    attempts = found[:MAX_ATTEMPTS]
    whose = _whose(key, pieces, attempts, min(part.received_us for part in parts))
    if not attempts:
        return Derived([_warned(whose, pieces)], _summarise(attempts, pieces))
    if len(attempts) == 1 and pieces.warnings:
        _attach(attempts[0], pieces.warnings)
    has_root = len(attempts) > 1
    firsts = _first_asked(attempts)
    events = [
        span_of(attempt, whose, index=index, has_root=has_root, first_asked=firsts[index])
        for index, attempt in enumerate(attempts)
    ]
    if has_root:
        events.insert(0, _root(whose, pieces, events, n_attempts=len(found)))
    return Derived(events, _summarise(attempts, pieces))


def _whose(key: str, pieces: Pieces, attempts: Sequence[Attempt], received_us: int) -> Whose:
    """Session, user and environment of all the spans: envelopes first, then what is in the IR."""
    beside = [pieces.beside, *(attempt.beside for attempt in attempts)]
    custom = [obj(attempt.metadata.get("custom")) for attempt in attempts]
    parameters = [obj(attempt.request.get("parameters")) for attempt in attempts]
    sources = [*beside, *custom]
    user = _named(sources, "userId") or _named(parameters, "user")
    session, environment = _named(sources, "sessionId"), _named(sources, "environment")
    return Whose(key, session, user, environment, received_us)


def _named(sources: Sequence[JsonObject], key: str) -> str:
    return clean_name(next((said for source in sources if (said := name(source.get(key)))), ""))


def _first_asked(attempts: Sequence[Attempt]) -> list[int]:
    """For each attempt the first one that had the same request."""
    places: dict[bytes, int] = {}
    return [places.setdefault(attempt.request_key, index) for index, attempt in enumerate(attempts)]


def _attach(attempt: Attempt, warnings: list[JsonObject]) -> None:
    side = "response" if attempt.response else "request"
    body = dict(getattr(attempt, side))
    metadata = dict(obj(body.get("metadata")))
    metadata["warnings"] = distinct([*objects(metadata.get("warnings")), *warnings])
    setattr(attempt, side, {**body, "metadata": metadata})


def _root(
    whose: Whose, pieces: Pieces, spans: Sequence[IncomingEvent], *, n_attempts: int
) -> IncomingEvent:
    """Around several attempts: it failed only if none of them went well."""
    start = min(span.occurred_us for span in spans)
    end = max(span.occurred_us + (span.duration_us or 0) for span in spans)
    outcomes = [span.status for span in spans if "response_missing" not in span.warnings]
    status = Status.OK if Status.OK in outcomes else max(outcomes, default=Status.UNSET)
    attributes: dict[str, object] = {PREFIX + "attempts": n_attempts}
    if pieces.warnings:
        attributes[PREFIX + "warnings"] = pieces.warnings
    return seal_rank(
        IncomingEvent(
            id=span_identity(whose.trace_id, ROOT_ID),
            occurred_us=start,
            duration_us=end - start,
            content_rank=0,
            kind=int(Kind.CHAIN),
            status=int(status),
            name=f"{SYSTEM} request",
            trace_id=whose.trace_id,
            span_id=ROOT_ID,
            session_own=whose.session,
            user_own=whose.user,
            environment=whose.environment,
            warnings=warning_codes(
                [ATTEMPTS_CUT] if n_attempts > len(spans) else [], pieces.warnings
            ),
            payload=Payload(attributes=attributes),
        )
    )


def _warned(whose: Whose, pieces: Pieces) -> IncomingEvent:
    """Nothing but warnings of a request is known yet."""
    occurred_us, _ = settle_start(None, whose)
    return seal_rank(
        IncomingEvent(
            id=span_identity(whose.trace_id, ROOT_ID),
            occurred_us=occurred_us,
            content_rank=0,
            name=POINT_NAMES["warning"],
            trace_id=whose.trace_id,
            session_own=whose.session,
            user_own=whose.user,
            environment=whose.environment,
            warnings=warning_codes([], pieces.warnings),
            payload=Payload(attributes={PREFIX + "warnings": pieces.warnings}),
        )
    )


def _summarise(attempts: Sequence[Attempt], pieces: Pieces) -> dict[str, object]:
    """What the page of backends counts, by (frontend, backend, category, severity)."""
    counted: Counter[tuple[str, str, str, str]] = Counter()
    ways = [passage_of(attempt.metadata) for attempt in attempts]
    for attempt, way in zip(attempts, ways, strict=True):
        for warning in ir_warnings(attempt):
            counted[(*_pair(way.frontend, way.backend), *_kind(warning))] += 1
    if len(attempts) != 1:
        for warning in pieces.warnings:
            counted[("", "", *_kind(warning))] += 1
    pairs = Counter(_pair(way.frontend, way.backend) for way in ways)
    return {
        "attempts": len(attempts),
        "pairs": [[*pair, n] for pair, n in sorted(pairs.items())],
        "warnings": [[*kind, n] for kind, n in sorted(counted.items())[:MAX_COUNTED]],
    }


def _pair(frontend: str, backend: str) -> tuple[str, str]:
    return clean_name(frontend), clean_name(backend)


def _kind(warning: JsonObject) -> tuple[str, str]:
    return clean_name(text(warning.get("category"))), clean_name(text(warning.get("severity")))


def derive_orphan(key: str, parts: Sequence[Part]) -> Derived:
    """A warning or a chunk of no known request: a point of its own."""
    part = parts[0]
    sent = msgspec.json.decode(part.body)
    kind, value = text(sent.get("kind")), obj(sent.get("value"))
    beside = {**value, **obj(sent.get("beside"))}
    whose = Whose("", _named([beside], "sessionId"), _named([beside], "userId"), "", 0)
    warnings = [value] if kind == "warning" else []
    said: dict[str, object] = (
        {PREFIX + "warnings": warnings} if warnings else {PREFIX + kind: value}
    )
    trace_id = clean_name(SESSION_TRACE + whose.session) if whose.session else ""
    event = IncomingEvent(
        id=given_identity(f"{SYSTEM} {key}"),
        occurred_us=part.received_us,
        content_rank=0,
        name=POINT_NAMES.get(kind, SYSTEM),
        trace_id=trace_id,
        session_own=whose.session,
        user_own=whose.user,
        error=clean_error(text(obj(value.get("error")).get("message"))),
        warnings=warning_codes([], warnings),
        payload=Payload(attributes=said),
    )
    return Derived([seal_rank(event)], {"kind": kind, **_shown(value)})


def _shown(value: JsonObject) -> dict[str, object]:
    """The short fields of a warning or a chunk, cut for a list."""
    kept = ("category", "severity", "message", "field", "source", "type", "sequence")
    shown = {key: value[key] for key in kept if isinstance(value.get(key), str | int)}
    error, metadata = obj(value.get("error")), obj(value.get("metadata"))
    words = (
        *(value.get("delta"), value.get("name"), value.get("inputDelta")),
        *(error.get("code"), error.get("message"), value.get("finishReason")),
        metadata.get("providerResponseId"),
    )
    shown["said"] = " ".join(word for word in words if isinstance(word, str))
    return {k: clean_text(v[:200]) if isinstance(v, str) else v for k, v in shown.items()}


def derive_backend(key: str, parts: Sequence[Part]) -> Derived:
    """What a backend can do, as it was told last: no event, a row of the page of backends."""
    found: list[tuple[int, bytes, JsonObject]] = []
    for part in parts:
        sent = msgspec.json.decode(part.body)
        said = {**obj(sent.get("value")), **obj(sent.get("beside"))}
        at_us = moment_us(said.get("timestamp")) or part.received_us
        found.append((at_us, part.body, obj(sent.get("value"))))
    *_, capabilities = max(found, key=lambda each: each[:2])
    return Derived([], {"capabilities": _storable(capabilities)})


def _storable(value: Any) -> Any:
    """JSON that a jsonb column takes: it refuses NUL."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_storable(each) for each in value]
    if isinstance(value, dict):
        return {clean_text(key): _storable(each) for key, each in value.items()}
    return value

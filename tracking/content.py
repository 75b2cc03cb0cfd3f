"""What people and models said, taken out of events that only their numbers are kept of. Pure."""

import re
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import msgspec

from tracking.adapters.dialects.attributes import BODY_COLUMNS
from tracking.adapters.dialects.keys import INPUT_MESSAGES_BIT, OUTPUT_MESSAGES_BIT
from tracking.adapters.dialects.message_parts import decode_json
from tracking.adapters.dialects.table import KEYS
from tracking.events import EMPTY_PAYLOAD, IncomingEvent, Part, Payload

CONTENT_DROPPED = "content_dropped"
"""The warning of a span that said more than was kept."""

LONGEST = 256
"""A longer string is content under whatever name."""

DEPTH = 40
DISTINCTION = "_content"

_words = re.compile(r"[A-Z]?[a-z]+|[A-Z]+").findall
_SAYING = frozenset(
    _words(
        "prompt prompts completion completions message messages content contents input inputs"
        " output outputs text texts body arguments args calls result results document documents"
        " instructions system query question answer reasoning thinking transcript comment delta"
        " accumulated template variables intent rationale summary description statement image"
        " images audio"
    )
)
# Where a name ends in one of these, it is what was said; else it may be whose fact something is, as
# in gen_ai.response.model.
_SAYING_AT_END = frozenset(
    _words(
        "context contexts response responses request requests reply replies explanation feedback"
        " utterance snippet snippets note notes original transformed"
    )
)
_FACTS = frozenset(
    re.findall(
        r"\S+",
        "role type name id ids model version mime_type mimetype finish_reason finish_reasons"
        " finishreason kind key format label language status code source provider protocol sequence"
        " url_scheme operation tokens level",
    )
)
_DIAGNOSES = frozenset({"exception", "error", "errors"})
_SAYING_NAMES = frozenset(
    {"logfire.msg", *(key.name for key in KEYS.values() if key.column in BODY_COLUMNS)}
)
# Objects that columns are read from, again when history is: of these numbers alone are kept,
# however long they are, and of those that name a prompt what is no text of it.
_MEASURES = frozenset(
    {
        *("ai.response.providerMetadata", "langsmith.metadata.usage_metadata"),
        *("langfuse.observation.usage_details", "langfuse.observation.cost_details"),
        *("mlflow.chat.tokenUsage", "mlflow.llm.cost"),
    }
)
_NAMED_PROMPTS = frozenset({"mlflow.linkedPrompts", "ai.telemetry.metadata.langfusePrompt"})
_is_number = re.compile(r"-?\d{1,15}(\.\d{1,15})?").fullmatch
_BODY_BITS = INPUT_MESSAGES_BIT | OUTPUT_MESSAGES_BIT
for _key in KEYS.values():
    if _key.column in BODY_COLUMNS:
        _BODY_BITS |= _key.mask | _key.structured_mask

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


@lru_cache(8192)
def is_saying(name: str) -> bool:
    """Whether a field of this name holds what somebody said, rather than a fact about it."""
    if is_diagnosis(name) or _names_fact(name):
        return False
    words = [word.lower() for word in _words(name)]
    if not words:
        return False
    last = words[-2] if words[-1] == "value" and len(words) > 1 else words[-1]
    return name in _SAYING_NAMES or last in _SAYING_AT_END or not _SAYING.isdisjoint(words)


@lru_cache(8192)
def is_diagnosis(name: str) -> bool:
    """Whether a field tells what went wrong, which is kept."""
    if name == "status_message":
        return True
    return not _DIAGNOSES.isdisjoint(word.lower() for word in _words(name))


@lru_cache(8192)
def _names_fact(name: str) -> bool:
    last = name.rsplit(".", 1)[-1]
    if name.endswith(".system"):  # gen_ai.system, llm.system, db.system: whose system it is
        return True
    words = [word.lower() for word in _words(last)]
    return last.lower() in _FACTS or bool(words) and words[-1] in {"id", "ids", "role", "type"}


def drop_content(event: IncomingEvent) -> IncomingEvent:
    """The event without inputs, outputs, system texts and whatever attribute says the like."""
    payload = event.payload
    metadata = _metadata_without_sayings(event.metadata)
    if payload is EMPTY_PAYLOAD and metadata == event.metadata:
        return event
    kept = Payload(
        attributes=_without_sayings(payload.attributes),
        span_events=_events_without_sayings(payload.span_events),
        links=_events_without_sayings(payload.links),
        extra=_without_sayings(payload.extra),
    )
    if kept == payload and metadata == event.metadata:
        return event
    is_empty = kept == EMPTY_PAYLOAD
    return msgspec.structs.replace(
        event,
        seen=event.seen & ~_BODY_BITS,
        metadata=metadata,
        warnings=(*event.warnings, CONTENT_DROPPED),
        payload=EMPTY_PAYLOAD if is_empty else kept,
    )


def _metadata_without_sayings(metadata: str) -> str:
    if not metadata:
        return metadata
    said = _decode(metadata)
    kept = _without_sayings(said) or {}
    if kept == said:
        return metadata
    return _encode(kept).decode() if kept else ""


def _without_sayings(attributes: dict[str, object] | None) -> dict[str, object] | None:
    if not attributes:
        return attributes
    kept: dict[str, object] = {}
    for name, value in attributes.items():
        if isinstance(value, str) and name in _MEASURES | _NAMED_PROMPTS:
            kept |= _object_without_sayings(name, value)
            continue
        if isinstance(value, str | list | dict) and value and _is_dropped(name, value):
            continue
        is_plain = not isinstance(value, str | list | dict) or is_diagnosis(name)
        kept[name] = value if is_plain else _strip(value, is_said=False)
    return kept or None


def _object_without_sayings(name: str, text: str) -> dict[str, object]:
    value = decode_json(text)
    if not isinstance(value, dict | list):
        return {}
    kept = _strip(value, is_said=False) if name in _NAMED_PROMPTS else _numbers_in(value)
    return {name: text if kept == value else _encode(kept).decode()}


def _numbers_in(value: object, depth: int = 0) -> object:
    """An object without its texts and lists, unless a text is a number."""
    if isinstance(value, dict):
        return {k: _numbers_in(v, depth + 1) for k, v in value.items()} if depth < DEPTH else None
    if isinstance(value, str):
        return value if _is_number(value) else ""
    return None if isinstance(value, list) else value


def _is_dropped(name: str, value: str | list[Any] | dict[str, Any]) -> bool:
    if is_saying(name):
        return not (isinstance(value, str) and value.isdecimal())
    return isinstance(value, str) and len(value) > LONGEST and not is_diagnosis(name)


def _events_without_sayings(events: list[object] | None) -> list[object] | None:
    """Span events with their names and times: a message that is one keeps nothing else."""
    if not events:
        return events
    return [
        [*event[:2], _without_sayings(event[2]) or {}, *event[3:]]
        if isinstance(event, list | tuple) and len(event) > 2 and isinstance(event[2], dict)
        else event
        for event in events
    ]


def drop_part_content(part: Part, *, secret: bytes) -> Part:
    """A piece of a document with empty strings where something was said.

    Pieces that said different things stay different: by a keyed hash, which tells nobody what.
    """
    value = _decode(part.body)
    if isinstance(value, dict) and _is_hash(value.get(DISTINCTION)):
        del value[DISTINCTION]
        if _strip(value, is_said=False) == value:
            return part  # it was stripped before
    stripped = _strip(value, is_said=False)
    if stripped == value:
        return part
    if isinstance(stripped, dict):
        stripped[DISTINCTION] = blake2b(part.body, digest_size=8, key=secret).hexdigest()
    return msgspec.structs.replace(part, body=_encode(stripped))


def drop_origin_content(body: bytes) -> bytes:
    """A resource and scope, as JSON, with empty strings where something was said."""
    value = _decode(body)
    stripped = _strip(value, is_said=False)
    return body if stripped == value else _encode(stripped)


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{16}", value) is not None


def _strip(value: Any, *, is_said: bool, depth: int = 0) -> Any:  # JSON of any shape
    if isinstance(value, str):
        return "" if is_said or len(value) > LONGEST else _strip_json(value, depth)
    if depth >= DEPTH:
        return None if isinstance(value, dict | list) else value
    if isinstance(value, dict):
        return {
            name: item
            if is_diagnosis(name)
            else _strip_field(name, item, is_said=is_said, depth=depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_strip(item, is_said=is_said, depth=depth + 1) for item in value]
    return value


def _strip_json(text: str, depth: int) -> str:
    """A text without what is said in it, where it is JSON."""
    if text[:1] not in ("{", "["):
        return text
    try:
        value = _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text
    stripped = _strip(value, is_said=False, depth=depth + 1)
    return text if stripped == value else _encode(stripped).decode()


def _strip_field(name: str, item: Any, *, is_said: bool, depth: int) -> Any:  # as above
    """A fact is a plain value: the ``source`` of an image in a message holds the image."""
    is_fact = _names_fact(name) and not (is_said and isinstance(item, dict | list))
    return _strip(item, is_said=not is_fact and (is_said or is_saying(name)), depth=depth)

"""What a span's own events say: when, what went wrong, who said what. Pure, for pages.

Exceptions are those of OpenTelemetry's conventions (``exception.type``, ``.message``,
``.stacktrace``, ``.escaped``); messages, evaluations and feature flags those of its GenAI and
feature flag conventions. Any other event shows its attributes as they are.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from tracking.adapters import json_values
from tracking.adapters.dialects.arms import arms_of_flag_event
from tracking.adapters.dialects.evaluations import evaluation_of_event, is_evaluation
from tracking.adapters.dialects.message_events import EVENT_NAMES, messages_of_events
from tracking.adapters.dialects.message_parts import decode_json

SHOWN = 200
SHOWN_ATTRIBUTES = 100

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FARTHEST = timedelta(days=1)
_STACK = "exception.stacktrace"
_EXCEPTION = ("exception.type", "exception.message", _STACK)
_EVALUATION = "gen_ai.evaluation."
_EVALUATION_TOLD = tuple(f"{_EVALUATION}{name}" for name in ("name", "score.value", "explanation"))


class SpanAttribute(msgspec.Struct, frozen=True):
    """``value`` is a tree of JSON, or None when ``text`` says it all."""

    name: str
    text: str
    value: object | None = None


class SpanEvent(msgspec.Struct, frozen=True, kw_only=True):
    """``offset_ms`` is since the span began, ``share`` the same as a share (0–1) of the span, both
    None where the event's clock and the span's are not comparable. ``title`` says what the event
    means, ``text`` more of it; ``attributes`` are those that neither tells."""

    kind: str  # exception | message | evaluation | flag | event
    name: str
    at: datetime | None
    offset_ms: float | None
    share: float | None
    title: str
    text: str
    stacktrace: str
    attributes: list[SpanAttribute]
    n_hidden: int  # attributes beyond the first hundred
    n_dropped: int  # attributes that the sender itself left out

    @property
    def n_lines(self) -> int:
        return self.stacktrace.count("\n") + 1


class _Meaning(msgspec.Struct, frozen=True):
    kind: str
    title: str = ""
    text: str = ""
    stacktrace: str = ""
    told: frozenset[str] = frozenset()  # attributes that need not be said again


def list_span_events(
    span_events: Sequence[object], started_at: datetime, duration_ms: float | None
) -> list[SpanEvent]:
    """The first events in the order of their times. ``span_events`` are a payload's."""
    read = [
        _read(each, started_at, duration_ms or 0.0)
        for each in span_events[:SHOWN]
        if isinstance(each, list | tuple) and len(each) > 2
    ]
    return sorted(read, key=lambda event: event.at or _EPOCH)


def _read(sent: Sequence[object], started_at: datetime, duration_ms: float) -> SpanEvent:
    name, attributes = json_values.text(sent[0]), json_values.obj(sent[2])
    at = _time_of(sent[1])
    offset_ms = _offset(at, started_at, duration_ms)
    meaning = _meaning_of(name, attributes)
    rest = [pair for pair in attributes.items() if pair[0] not in meaning.told]
    return SpanEvent(
        kind=meaning.kind,
        name=name,
        at=at,
        offset_ms=offset_ms,
        share=_share(offset_ms, duration_ms),
        title=meaning.title,
        text=meaning.text,
        stacktrace=meaning.stacktrace,
        attributes=[_attribute(*pair) for pair in rest[:SHOWN_ATTRIBUTES]],
        n_hidden=max(0, len(rest) - SHOWN_ATTRIBUTES),
        n_dropped=sent[3] if len(sent) > 3 and isinstance(sent[3], int) else 0,
    )


def _time_of(ns: object) -> datetime | None:
    if not isinstance(ns, int) or not 0 < ns < 1 << 64:
        return None
    return _EPOCH + timedelta(microseconds=ns // 1000)


def _offset(at: datetime | None, started_at: datetime, duration_ms: float) -> float | None:
    """Milliseconds since the start. A span from a clock too far ahead was given another time: its
    events keep theirs, and are no longer comparable."""
    if at is None:
        return None
    offset = at - started_at
    end = timedelta(milliseconds=duration_ms)
    return offset.total_seconds() * 1000 if -_FARTHEST < offset < end + _FARTHEST else None


def _share(offset_ms: float | None, duration_ms: float) -> float | None:
    if offset_ms is None or duration_ms <= 0 or not 0 <= offset_ms <= duration_ms:
        return None
    return offset_ms / duration_ms


def _meaning_of(name: str, attributes: Mapping[str, object]) -> _Meaning:
    if name == "exception" or any(each in attributes for each in _EXCEPTION):
        return _exception(attributes)
    if name in EVENT_NAMES:
        return _message(name, attributes)
    if is_evaluation(name):
        return _evaluation(name, attributes)
    arms = arms_of_flag_event(name, dict(attributes))
    if arms:
        return _Meaning("flag", f"{arms[0][0]}: {arms[0][1]}")
    return _Meaning("event")


def _exception(attributes: Mapping[str, object]) -> _Meaning:
    said = {name: json_values.text(attributes.get(name)) for name in _EXCEPTION}
    kind, message, stacktrace = said.values()
    told = frozenset(name for name, text in said.items() if text)
    return _Meaning("exception", kind or "Exception", message, stacktrace, told)


def _message(name: str, attributes: Mapping[str, object]) -> _Meaning:
    event = [name, 0, attributes]
    found = [m for way in ("input", "output") for m in messages_of_events([event], way)]
    roles = dict.fromkeys(message.role for message in found)
    text = "\n\n".join(message.text for message in found)
    told = frozenset(name for name, value in attributes.items() if value == text)
    return _Meaning("message", ", ".join(filter(None, roles)), text, told=told)


def _evaluation(name: str, attributes: Mapping[str, object]) -> _Meaning:
    found = evaluation_of_event(name, dict(attributes))
    if found is None:
        return _Meaning("event")
    value = f"{found.value:g}" if isinstance(found.value, float) else str(found.value)
    told = frozenset(_EVALUATION_TOLD)
    return _Meaning("evaluation", f"{found.name} = {value}", found.comment, told=told)


def _attribute(name: str, value: object) -> SpanAttribute:
    if isinstance(value, str):
        tree = decode_json(value) if value[:1] in ("{", "[") else None
        return SpanAttribute(name, value, tree if isinstance(tree, dict | list) else None)
    if isinstance(value, bool):
        return SpanAttribute(name, "true" if value else "false")
    if isinstance(value, int | float):
        return SpanAttribute(name, str(value))
    return SpanAttribute(name, "", value)

"""What Fallom's OTLP exporter says in headers, for all spans of a request. Pure.

The exporter (fallom-typescript 0.2.28, for Mastra) sends OTLP/JSON and names session, customer,
config and prompt once, as ``X-Fallom-*``. What a span says itself counts more. It numbers the kinds
of spans as OpenTelemetry's JavaScript API does, one below OTLP.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import msgspec

from tracking.adapters.dialects.arms import Arm
from tracking.adapters.fallom_spans import arm_of
from tracking.cleaning import clean_name
from tracking.events import CALL_KINDS, IncomingEvent

PREFIX = "x-fallom-"
COLUMNS = {
    "x-fallom-config-key": "config_key",
    "x-fallom-session-id": "session_own",
    "x-fallom-customer-id": "user_own",
}
PROMPT, PROMPT_VERSION = "x-fallom-prompt-key", "x-fallom-prompt-version"
TEST, VARIANT = "x-fallom-prompt-ab-test", "x-fallom-prompt-variant"
HEADERS = (*COLUMNS, PROMPT, PROMPT_VERSION, TEST, VARIANT)

TOLD = "told"
"""Of a payload's extra: what the headers of its request told."""

_LAST_KIND = 5  # OTLP's consumer
OBJECT = "[object Object]"
CONTENT_LOST = "content_not_serialised"
"""The exporter wrote objects as JavaScript's text of them: what they held is gone."""


class Told(msgspec.Struct, frozen=True):
    columns: dict[str, str]
    prompt_key: str
    prompt_version: str
    arms: tuple[Arm, ...]


def read_headers(headers: Mapping[str, str]) -> Told | None:
    """Return what the headers of a request tell; None when it is not Fallom's."""
    sent = {name: _text_of(headers[name]) for name in HEADERS if headers.get(name)}
    if not sent:
        return None
    return Told(
        {column: sent[name] for name, column in COLUMNS.items() if name in sent},
        sent.get(PROMPT, ""),
        sent.get(PROMPT_VERSION, ""),
        arm_of(sent.get(TEST), sent.get(VARIANT)),
    )


def _text_of(value: str) -> str:
    """HTTP reads headers as Latin-1, clients write UTF-8."""
    with suppress(UnicodeError):
        value = value.encode("latin-1").decode()
    return clean_name(value.strip())


def complete(event: IncomingEvent, told: Told, *, is_json: bool) -> IncomingEvent:
    """Fill what a span left open, and keep what was told beside it, for reading it again."""
    extra = {**(event.payload.extra or {}), TOLD: msgspec.to_builtins(told)}
    if is_json:
        extra["kind"] = _otlp_kind(extra.get("kind"))
    payload = msgspec.structs.replace(event.payload, extra=extra)
    return fill(msgspec.structs.replace(event, payload=payload), told)


def recall_told(extra: dict[str, object] | None) -> Told | None:
    """What headers told of a stored span."""
    sent = (extra or {}).get(TOLD)
    return None if sent is None else msgspec.convert(sent, type=Told)


def fill(event: IncomingEvent, told: Told) -> IncomingEvent:
    """Fill what a span left open. Prompt and test belong to model calls, and to the root."""
    filled: dict[str, Any] = {
        column: value for column, value in told.columns.items() if not getattr(event, column)
    }
    if event.kind in CALL_KINDS or not event.parent_span_id:
        if told.prompt_key and not event.prompt_key:
            filled |= {"prompt_key": told.prompt_key, "prompt_version": told.prompt_version}
        known = {experiment for experiment, _ in event.arms}
        further = [arm for arm in told.arms if arm[0] not in known]
        if further:
            filled["arms"] = tuple(sorted([*event.arms, *further]))
    if any(_is_lost(text) for text in (event.payload.input, event.payload.output)):
        filled["warnings"] = tuple(sorted({*event.warnings, CONTENT_LOST}))
    return msgspec.structs.replace(event, **filled)


def _is_lost(text: str | None) -> bool:
    """One object, or several between commas."""
    return text is not None and text.startswith(OBJECT) and not text.strip(OBJECT + ", ")


def _otlp_kind(sent: object) -> int:
    """OTLP's number of a span's kind; absent was 0, which is internal there."""
    return min(sent + 1, _LAST_KIND) if isinstance(sent, int) else 1

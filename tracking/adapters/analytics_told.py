"""Which fields of a span that came as JSON its columns give back, as bits. Pure.

With them, and with what is kept beside the columns, the span can be put together and mapped again.
"""

from functools import lru_cache
from typing import Any

import msgspec

from tracking.adapters.analytics_fields import FIELDS, TOKENS
from tracking.adapters.dialects.arms import columns_of_arms
from tracking.adapters.dialects.attributes import BODY_COLUMNS, Gathered
from tracking.adapters.dialects.codecs import METADATA, NAME, Codec
from tracking.events import IncomingEvent, Payload

TOKENS_FIELD, TTFT_FIELD = "tokens", "ttft_ms"

# A bit is for ever: stored spans have it. More are added at the end.
TOLD = (
    *("session_id", "sessionId", "user_id", "userId", "customer_id", "run_id", "runId"),
    *("model", "model_requested", "provider", "operation", "kind", "cost_usd", "finish_reason"),
    *("error_type", "prompt", "prompt_version", "config", "experiment", "experimentId"),
    *("variant", "variantId", "tags", "metadata", "input", "output", "system"),
    *("tokens.input", "tokens.output", "tokens.cache_read", "tokens.cache_write"),
    *("tokens.reasoning", "ttft_ms", "environment", "env", "release", "error", "status_message"),
)
_BITS = {name: 1 << place for place, name in enumerate(TOLD)}
_COUNT_BITS = {name: (column, _BITS[f"{TOKENS_FIELD}.{name}"]) for name, column in TOKENS.items()}
_arms = lru_cache(4_096)(columns_of_arms)
_COMPARED = {name: column for name, (column, codec) in FIELDS.items() if codec is NAME}


def settle_fields(data: dict[str, object], gathered: Gathered, unused: dict[str, object]) -> int:
    """The bits of the fields that columns give back; what is lost of others is kept as it was
    sent. ``unused`` holds already what filled no column, or not exactly."""
    columns = gathered.columns
    told = 0
    for key, raw in data.items():
        bit = _BITS.get(key)
        if bit is None or key in unused or raw is None or raw == "":
            continue
        column = _COMPARED.get(key)
        if column is None:
            told |= bit
            continue
        held = columns.get(column)
        if held is None:  # with several arms it is not known which of them the field named
            held = _arms(columns.get("arms", ())).get(column)
        if held == raw:
            told |= bit
        else:
            unused[key] = raw
    if TOKENS_FIELD in data and TOKENS_FIELD not in unused:
        told |= _settle_tokens(data[TOKENS_FIELD], columns, unused)
    if told & _BITS[TTFT_FIELD] and "ttft_us" not in columns:
        told &= ~_BITS[TTFT_FIELD]
        unused[TTFT_FIELD] = data[TTFT_FIELD]
    return told


def _settle_tokens(sent: object, columns: dict[str, Any], unused: dict[str, object]) -> int:
    """None where the columns hold other counts: cached ones were added to the input."""
    told = 0
    for name, count in (sent if isinstance(sent, dict) else {}).items():
        column, bit = _COUNT_BITS[name]
        if columns.get(column) != count:
            unused[TOKENS_FIELD] = sent
            return 0
        if count is not None:
            told |= bit
    return told


def fields_of(told: int, event: IncomingEvent, payload: Payload) -> dict[str, object]:
    """Give back the fields that ``settle_fields`` named, from columns."""
    of_arms = columns_of_arms(event.arms)
    data: dict[str, object] = {}
    tokens: dict[str, object] = {}
    for name in (name for name, bit in _BITS.items() if told & bit):
        key, _, kind = name.partition(".")
        if key == TOKENS_FIELD:
            data[key] = tokens
            tokens[kind] = getattr(event, TOKENS[kind])
        elif key == TTFT_FIELD:
            data[key] = None if event.ttft_us is None else event.ttft_us / 1000
        elif name in FIELDS:
            column, codec = FIELDS[name]
            data[name] = write_column(column, codec, event, payload, of_arms)
        elif held := _aside(name, event):
            data[name] = held
    return data


def _aside(name: str, event: IncomingEvent) -> str:
    """A field that is read beside the table of fields."""
    if name in ("error", "status_message"):
        return event.error
    return event.release if name == "release" else event.environment


def write_column(
    column: str,
    codec: Codec,
    event: IncomingEvent,
    payload: Payload,
    of_arms: dict[str, object],
) -> object:
    """The value of a field from its column; None when the column is empty."""
    if column in BODY_COLUMNS:
        return getattr(payload, column)
    value: Any = of_arms.get(column) if ":" in column else getattr(event, column)
    if value is None or value == "":
        return None
    return msgspec.json.decode(value) if codec is METADATA else codec.write(value)

"""The fields and attributes of a span sent as JSON, to columns. Pure.

Fields win over attributes; what a field overrules goes back among the attributes, and what no
column holds of a field is kept as it was sent.
"""

from functools import lru_cache
from typing import Any

from tracking.adapters.analytics_envelope import (
    END_KEYS,
    ENVIRONMENT_KEYS,
    PARENT_KEYS,
    SPAN_ID_KEYS,
    START_KEYS,
    TRACE_ID_KEYS,
)
from tracking.adapters.dialects.attributes import Gathered, gather
from tracking.adapters.dialects.codecs import (
    BODY,
    COUNT,
    KIND,
    MAX_COUNT,
    METADATA,
    MONEY,
    NAME,
    TAGS,
    WRONG_TYPE,
    Codec,
)
from tracking.adapters.dialects.compounds import MARK, is_compound
from tracking.adapters.dialects.sealing import seal
from tracking.adapters.dialects.table import KEYS, Entry, read_attribute

FIELDS: dict[str, tuple[str, Codec]] = {
    "session_id": ("session_own", NAME),
    "sessionId": ("session_own", NAME),
    "user_id": ("user_own", NAME),
    "userId": ("user_own", NAME),
    "customer_id": ("user_own", NAME),
    "run_id": ("run_id", NAME),
    "runId": ("run_id", NAME),
    "model": ("model", NAME),
    "model_requested": ("model_requested", NAME),
    "provider": ("provider", NAME),
    "operation": ("operation", NAME),
    "kind": ("kind", KIND),
    "cost_usd": ("cost_reported", MONEY),
    "finish_reason": ("finish_reason", NAME),
    "error_type": ("error_type", NAME),
    "prompt": ("prompt_key", NAME),
    "prompt_version": ("prompt_version", NAME),
    "config": ("config_key", NAME),
    "experiment": ("arm:assay", NAME),
    "experimentId": ("arm:assay", NAME),
    "variant": ("variant:assay", NAME),
    "variantId": ("variant:assay", NAME),
    "tags": ("tags", TAGS),
    "metadata": ("metadata", METADATA),
    "input": ("input", BODY),
    "output": ("output", BODY),
    "system": ("system", BODY),
}
_NAMES = {key: column for key, (column, codec) in FIELDS.items() if codec is NAME}
TOKENS = {
    "input": "tokens_in",
    "output": "tokens_out",
    "cache_read": "tokens_cache_read",
    "cache_write": "tokens_cache_write",
    "reasoning": "tokens_reasoning",
}
_ELSEWHERE = frozenset(
    {
        *TRACE_ID_KEYS,
        *SPAN_ID_KEYS,
        *PARENT_KEYS,
        *START_KEYS,
        *END_KEYS,
        *ENVIRONMENT_KEYS,
        *("name", "status", "status_message", "error", "release", "tokens", "attributes"),
        *("ttft_ms", "duration_ms"),
    }
)
_PLAIN = frozenset({str, int, bool, float, type(None)})  # JSON's floats are finite
_SHORT = 64
_MAX_MEMO = 8192
_entries: dict[tuple[str, type, object], Entry] = {}
_is_compound = lru_cache(8_192)(is_compound)
_short_names: set[str] = set()  # names that need no cleaning


def gather_span(data: dict[str, object], unused: dict[str, object]) -> Gathered:
    """Fill columns from attributes, then from the fields of ``data``."""
    gathered = _gather_attributes(data.get("attributes"), unused)
    said: dict[str, Any] = {}
    for key, raw in data.items():
        if key not in FIELDS:
            if key not in _ELSEWHERE:
                unused[key] = raw
        elif type(raw) is str and raw in _short_names and key in _NAMES:
            said[_NAMES[key]] = raw
        elif raw is not None and raw != "":
            _read_field(key, raw, said=said, gathered=gathered, unused=unused)
    if "tokens" in data:
        _read_tokens(data["tokens"], said, gathered, unused)
    if "ttft_ms" in data and (ttft_us := whole_us(data["ttft_ms"])) is not None:
        said["ttft_us"] = ttft_us
    overrule(gathered, said)
    return gathered


def _read_field(
    key: str,
    raw: object,
    *,
    said: dict[str, Any],
    gathered: Gathered,
    unused: dict[str, object],
) -> None:
    column, codec = FIELDS[key]
    value, exact, warning = codec.read(raw)
    if value is None or warning:
        unused[key] = raw
        gathered.warnings.append(warning or WRONG_TYPE)
    elif codec is TAGS and not exact:
        unused[key] = raw  # some of them twice
    elif codec is NAME and isinstance(raw, str) and len(raw) <= _SHORT:
        if len(_short_names) >= _MAX_MEMO:
            _short_names.clear()
        _short_names.add(raw)
    if value is not None:
        said[column] = value


def whole_us(ms: object) -> int | None:
    """Return a length in milliseconds as whole microseconds; None when it is none."""
    number = MONEY.read(ms)[0] if ms is not None else None
    return round(number * 1000) if isinstance(number, float) and number < 1e15 else None


def overrule(gathered: Gathered, said: dict[str, Any]) -> None:
    for column in said.keys() & gathered.columns.keys():
        if gathered.columns[column] != said[column]:
            gathered.withhold(column, gathered.columns[column])
    gathered.columns.update(said)


def _gather_attributes(attributes: object, unused: dict[str, object]) -> Gathered:
    if isinstance(attributes, dict):
        return gather(_entries_of(attributes))
    gathered = gather([])
    if attributes is not None:
        unused["attributes"] = attributes
        gathered.warnings.append(WRONG_TYPE)
    return gathered


def _entries_of(attributes: dict[str, object]) -> list[Entry]:
    """Read attributes; short values of known keys repeat from span to span and are remembered."""
    entries: list[Entry] = []
    for key, raw in attributes.items():
        kind = type(raw)
        if key not in KEYS:
            plain = raw if kind in _PLAIN else seal(raw)
            entries.append((None, 0, None, key, plain, MARK if _is_compound(key) else ""))
        elif kind not in _PLAIN or (isinstance(raw, str) and len(raw) > _SHORT):
            entries.append(read_attribute(key, seal(raw)))
        else:
            known = _entries.get((key, kind, raw))
            entries.append(known or _remember_entry(key, raw))
    return entries


def _remember_entry(key: str, raw: object) -> Entry:
    if len(_entries) >= _MAX_MEMO:
        _entries.clear()
    entry = _entries[key, type(raw), raw] = read_attribute(key, raw)
    return entry


def _read_tokens(
    tokens: object, said: dict[str, Any], gathered: Gathered, unused: dict[str, object]
) -> None:
    counted = tokens if isinstance(tokens, dict) else {}
    if tokens is not None and tokens is not counted:
        unused["tokens"] = tokens
    for key, raw in counted.items():
        column = TOKENS.get(key)
        if column is None:
            unused["tokens"] = tokens
        elif type(raw) is int and 0 <= raw <= MAX_COUNT:
            said[column] = raw
        elif raw is not None:
            value, *_, warning = COUNT.read(raw)
            if value is not None:
                said[column] = value
            if warning:
                gathered.warnings.append(warning)
                unused["tokens"] = tokens

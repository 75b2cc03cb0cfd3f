"""Attributes to columns and back: twins once, nothing lost. Pure.

``gather`` gives every column the value of its best key. A key whose value the column gives back is
only a bit of ``seen``; everything else stays in the attributes. ``rebuild_attributes`` inverts it.
"""

from operator import attrgetter
from typing import Any

import msgspec

from tracking.adapters.dialects import arms as arm_choice
from tracking.adapters.dialects.arms import Arm, choose_arms
from tracking.adapters.dialects.codecs import BODY, MAX_COUNT
from tracking.adapters.dialects.compounds import (
    COST_PARTS,
    MARK,
    Beyond,
    cost_of_parts,
    read_compounds,
)
from tracking.adapters.dialects.evaluations import evaluations_of_attributes
from tracking.adapters.dialects.flattened import (
    FIRST_INPUT,
    FIRST_OUTPUT,
    fold_messages,
    unfold_messages,
)
from tracking.adapters.dialects.gen_ai import OPERATION_KINDS
from tracking.adapters.dialects.message_parts import decode_json
from tracking.adapters.dialects.sealing import HELD_JSON, HELD_TEXT, seal
from tracking.adapters.dialects.table import (
    KEYS,
    KEYS_OF_COLUMN,
    LAST_RESORTS,
    RANKS,
    Entry,
    read_attribute,
)
from tracking.adapters.dialects.usage import inclusive_input
from tracking.events import Evaluation, IncomingEvent, Kind, Payload

# What stays as it is stored when a span is read again.
KEPT = (
    "id",
    "occurred_us",
    "duration_us",
    "ns_rest",
    "content_rank",
    "name",
    "trace_id",
    "span_id",
    "parent_span_id",
    "origin",
)

TTFT_TOO_LONG = "ttft_longer_than_span"
"""Time to the first token beyond the whole span: kept as an attribute, not as a column."""

INCONSISTENT_USAGE = "inconsistent_usage"
MIN_FOLDED = 32
"""Characters: what stands for a shorter text would be as long."""

TOOL_NAMES = frozenset({"gen_ai.tool.name", "gen_ai.tool.call.id"})
BODY_COLUMNS = frozenset({"input", "output", "system"})
_MAX_MEMO = 4096
_NO_ARMS: tuple[object, ...] = (None, None, None, None, None, None, (), ())
_chosen: dict[tuple[object, ...], tuple[tuple[Arm, ...], tuple[str, ...], bool]] = {}


class Gathered(msgspec.Struct, gc=False):
    columns: dict[str, Any]  # a column's own type; the table is checked by tests
    leftover: dict[str, object]
    seen: int
    warnings: list[str]
    beyond: Beyond | None = None
    evaluations: tuple[Evaluation, ...] = ()

    def withhold(self, column: str, value: object) -> None:
        """Put values back under their own keys that ``column`` was to stand for."""
        for key in KEYS_OF_COLUMN[column]:
            if self.seen & key.mask:
                self.leftover[key.name] = key.codec.write(value)
                self.seen &= ~key.mask


def gather(entries: list[Entry], *, ordered: bool = False) -> Gathered:
    """Fill columns from attributes in any order.

    As long as twins agree, the order says nothing. Where a better key may have come after a worse
    one with another value, the entries are gone through again from the best key to the worst.
    """
    columns: dict[str, Any] = {}
    leftover: dict[str, object] = {}
    warnings: list[str] = []
    fill = columns.setdefault
    seen = 0
    for column, mask, value, key, raw, warning in entries:
        if column is None:
            leftover[key] = raw
        elif fill(column, value) == value:
            if mask:
                seen |= mask
                continue
            leftover[key] = raw
        elif ordered or key in LAST_RESORTS:
            leftover[key] = raw
        else:
            return gather(sorted(entries, key=_rank), ordered=True)
        if warning:
            warnings.append(warning)
    return Gathered(columns, leftover, seen, warnings)


def _rank(entry: Entry) -> int:
    return RANKS.get(entry[3], len(RANKS))


def gather_attributes(attributes: dict[str, object]) -> Gathered:
    """Fill columns from attributes of any origin, as plain values."""
    return gather([read_attribute(key, seal(raw)) for key, raw in attributes.items()])


def settle(gathered: Gathered, duration_us: int | None, further_arms: tuple[Arm, ...] = ()) -> None:
    """Decide what takes several columns: arms, kind, the model that answered, a possible ttft."""
    columns, leftover = gathered.columns, gathered.leftover
    if FIRST_INPUT in leftover or FIRST_OUTPUT in leftover:
        gathered.seen |= fold_messages(leftover, columns)
    if MARK in gathered.warnings:
        _settle_compounds(gathered)
    _settle_counts(gathered)
    _settle_arms(gathered, further_arms)
    if "kind" not in columns:
        kind = OPERATION_KINDS.get(columns.get("operation", ""))
        columns["kind"] = _guess_kind(columns, leftover) if kind is None else kind
    if "model" not in columns and "model_requested" in columns:
        columns["model"] = columns["model_requested"]
    if duration_us is not None and columns.get("ttft_us", 0) > duration_us:
        gathered.withhold("ttft_us", columns.pop("ttft_us"))
        gathered.warnings.append(TTFT_TOO_LONG)


def _guess_kind(columns: dict[str, Any], leftover: dict[str, object]) -> Kind:
    """Who names a tool ran it; who names a model and counts its answer, and says nothing else,
    called it. An operation that is no known call is none: what sums up others must not count beside
    them."""
    if columns.get("operation"):
        return Kind.CHAIN
    if not TOOL_NAMES.isdisjoint(leftover):
        return Kind.TOOL
    return Kind.LLM if "model_requested" in columns and "tokens_out" in columns else Kind.CHAIN


def _settle_compounds(gathered: Gathered) -> None:
    """The second step, for spans that say something in several attributes or in objects."""
    gathered.warnings = [code for code in gathered.warnings if code != MARK]
    gathered.beyond = read_compounds(gathered.columns, gathered.leftover, KEYS)
    gathered.evaluations = evaluations_of_attributes(gathered.leftover)
    for name, raw in gathered.leftover.items():
        key = KEYS.get(name)
        if key is not None and key.codec is BODY and not key.mask:
            gathered.leftover[name] = _held(raw, gathered.columns.get(key.column))


def _held(raw: object, text: str | None) -> object:
    """A value, or what stands for it when its column holds the same."""
    if not isinstance(text, str) or len(text) < MIN_FOLDED:
        return raw
    if isinstance(raw, str):
        return HELD_TEXT if raw == text else raw
    return HELD_JSON if msgspec.json.encode(raw).decode() == text else raw


def _settle_counts(gathered: Gathered) -> None:
    """Money that was said in parts, and counts that left something out."""
    columns, leftover = gathered.columns, gathered.leftover
    if "cost_reported" not in columns and not leftover.keys().isdisjoint(COST_PARTS):
        columns |= cost_of_parts(leftover)
    if "tokens_cache_read" in columns or "tokens_cache_write" in columns:
        _settle_usage(gathered)
    if "tokens_reasoning" in columns:
        _settle_reasoning(gathered)


def _settle_usage(gathered: Gathered) -> None:
    """Count cached tokens among the input ones, where a sender certainly left them out."""
    columns, beyond = gathered.columns, gathered.beyond
    tokens_in = columns.get("tokens_in")
    if tokens_in is None:
        return
    read, write = columns.get("tokens_cache_read", 0), columns.get("tokens_cache_write", 0)
    if beyond is not None and beyond.uncached_input == tokens_in:
        whole = tokens_in + read + write
    else:
        whole = inclusive_input(tokens_in, read, write)
        if whole != tokens_in:
            gathered.warnings.append(INCONSISTENT_USAGE)
    if tokens_in < whole <= MAX_COUNT:
        gathered.withhold("tokens_in", tokens_in)
        columns["tokens_in"] = whole


def _settle_reasoning(gathered: Gathered) -> None:
    """Count thoughts among the output tokens, where a sender certainly left them out."""
    columns, beyond = gathered.columns, gathered.beyond
    tokens_out, thoughts = columns.get("tokens_out"), columns["tokens_reasoning"]
    if tokens_out is None:
        return
    is_told = beyond is not None and beyond.unreasoned_output == tokens_out
    if not is_told and thoughts <= tokens_out:
        return
    if not is_told:
        gathered.warnings.append(INCONSISTENT_USAGE)
    if thoughts and tokens_out + thoughts <= MAX_COUNT:
        gathered.withhold("tokens_out", tokens_out)
        columns["tokens_out"] = tokens_out + thoughts


def _settle_arms(gathered: Gathered, further: tuple[Arm, ...]) -> None:
    take = gathered.columns.pop
    sent = (
        take("arm:assay", None),
        take("variant:assay", None),
        take("arm:experiment", None),
        take("variant:experiment", None),
        take("arm:flag", None),
        take("variant:flag", None),
        take("assignments", ()),
        further,
    )
    if sent == _NO_ARMS:
        return
    choice = _chosen.get(sent)
    if choice is None:
        if len(_chosen) >= _MAX_MEMO:
            _chosen.clear()
        choice = _chosen[sent] = choose_arms(sent[:6], sent[6], sent[7])
    arms, lost, conflict = choice
    gathered.columns["arms"] = arms
    if lost:
        _withhold_pairs(gathered, sent, lost)
    if conflict:
        gathered.warnings.append(arm_choice.CONFLICT)


def _withhold_pairs(gathered: Gathered, sent: tuple[object, ...], lost: tuple[str, ...]) -> None:
    columns = [column for pair in arm_choice.PAIRS for column in pair]
    for column, value in zip(columns, sent, strict=False):
        if column in lost:
            gathered.withhold(column, value)


def rebuild_attributes(event: IncomingEvent | Any, payload: Payload) -> dict[str, object]:
    """Give back the very attributes that were sent, from an event (or its row) and its payload.

    As JSON can say them: bytes and the doubles that are no numbers are sealed, ``unseal`` opens.
    """
    rebuilt: dict[str, object] = {}
    of_arms = arm_choice.columns_of_arms(_arms_of(event.arms))
    for key in KEYS.values():
        if event.seen & (key.mask | key.structured_mask):
            value = _column_value(key.column, event, payload, of_arms)
            structured = event.seen & key.structured_mask
            rebuilt[key.name] = msgspec.json.decode(value) if structured else key.codec.write(value)
    rebuilt |= unfold_messages(event.seen, payload)
    for name, value in (payload.attributes or {}).items():
        rebuilt[name] = value
        if value in (HELD_TEXT, HELD_JSON):
            rebuilt[name] = _open(value, getattr(payload, KEYS[name].column))
    return rebuilt


def _open(value: object, text: str | None) -> object:
    """What a seal stands for; a text that is kept no more stands for nothing."""
    return decode_json(text) if text is not None and value == HELD_JSON else text


def _column_value(
    column: str, event: IncomingEvent | Any, payload: Payload, of_arms: dict[str, object]
) -> Any:
    if column in BODY_COLUMNS:
        return getattr(payload, column)
    if column in of_arms:
        return of_arms[column]
    return attrgetter(column)(event)


def _arms_of(arms: object) -> tuple[Arm, ...]:
    """Arms as an event holds them, or as its row does: an object, or nothing."""
    if isinstance(arms, dict):
        return tuple(arms.items())
    return tuple(arms) if isinstance(arms, tuple | list) else ()

"""The warnings of what documents mean, for the ledger: each once, however often it is derived."""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg

from tracking.counters import Fate, FateCounts
from tracking.dimensions import decide_names
from tracking.documents import DocumentChange
from tracking.events import CALL_KINDS, IncomingEvent
from tracking.folding import Fact

UNKNOWN_MODEL = "unknown_model"
"""A warning of the ledger alone: a price set later takes it from the event, not from the count."""


def is_costly(event: IncomingEvent) -> bool:
    """Whether a call of a model used tokens, which cost something."""
    return event.kind in CALL_KINDS and event.model != "" and bool(event.tokens_in)


def warnings_of(fact: Fact) -> list[str]:
    is_unpriced = fact.cost_nano is None and is_costly(fact.event)
    return [*fact.event.warnings, *([UNKNOWN_MODEL] if is_unpriced else [])]


def warning_names(facts: Iterable[Fact]) -> set[str]:
    """Senders choose some of them: they are decided about as other names are."""
    return {code for fact in facts for code in warnings_of(fact)}


def count_derived_warnings(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    changes: Sequence[DocumentChange],
    replaced: Iterable[Fact],
) -> FateCounts:
    """What the changes warn of that the events they replace did not."""
    counts = FateCounts()
    known = {fact.event_key: warnings_of(fact) for fact in replaced}
    fold_name = decide_names(
        cursor, project_id, {"warning": warning_names(f for c in changes for f in c.facts)}
    )
    for change in changes:
        for fact in change.facts:
            for code in set(warnings_of(fact)).difference(known.get(fact.event_key, ())):
                detail = fold_name("warning", code)
                counts.count(Fate.WARNED, change.received_us, detail=detail)
    return counts

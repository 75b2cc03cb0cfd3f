"""Things understood only whole: parts stored as they come, events derived from all of them.

A document's parts are gathered under its lock; its deriver says what they mean together, and what
that changes against the events derived before goes the way of every correction. Locks are advisory
ones: a deriver thinks while it holds them, which no row lock should see.
"""

import datetime
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import psycopg
from isal import isal_zlib
from xxhash import xxh64_intdigest

from tracking.adapters import DERIVERS
from tracking.derived_keys import DerivedKeys, pack_derived, unpack_derived
from tracking.event_rows import EventKey
from tracking.events import PART_FORMAT, Derived, IncomingEvent, Part
from tracking.folding import Fact
from tracking.identity import content_identity
from tracking.quarantine import Item
from tracking.rules import can_let_go
from tracking.staging import Stage, pg_json, pg_time, unix_us

MAX_PARTS = 20_000
"""Beyond this many pieces a document takes no more: each new one means reading all of them."""

GREAT = 500
"""From so many pieces on a document is derived at intervals: pieces that come one by one wait for
one another, else each would cost the reading of all."""

PATIENCE = datetime.timedelta(seconds=2)

MOST_FAILURES = 200
"""Of a document and lease: after so many the pieces that are left are refused together."""

N_LOCKS = 64
"""Documents of a project share this many locks: one each would overrun the server's lock table."""

DocumentKey = tuple[str, str]
"""(system, key)."""

LOCK = "SELECT pg_advisory_lock(n) FROM unnest(%s::bigint[]) WITH ORDINALITY t (n, i) ORDER BY i"
LOCK_TO_THE_END = LOCK.replace("pg_advisory_lock", "pg_advisory_xact_lock")
UNLOCK = "SELECT pg_advisory_unlock(n) FROM unnest(%s::bigint[]) t (n)"
BY_KEYS = " JOIN unnest(%s::text[], %s::text[]) k (system, key) USING (system, key)"
LOAD_DOCUMENTS = (
    f"SELECT system, key, n_parts, derived FROM tracking_document{BY_KEYS} WHERE project_id = %s"
)
LOAD_PARTS = (
    f"SELECT system, key, received_at, body FROM tracking_documentpart{BY_KEYS}"
    " WHERE project_id = %s"
)
DOCUMENTS = Stage(
    "stage_document",
    {
        "system": "text",
        "key": "text",
        "first_at": "timestamptz",
        "last_at": "timestamptz",
        "n_parts": "int4",
        "derived": "bytea",
        "summary": "jsonb",
    },
    is_rare=True,
)
PARTS = Stage(
    "stage_documentpart",
    {
        "system": "text",
        "key": "text",
        "hash": "uuid",
        "received_at": "timestamptz",
        "body": "bytea",
    },
    is_rare=True,
)
STAGES = (DOCUMENTS, PARTS)
_VALUES = [name for name in DOCUMENTS.columns if name not in {"system", "key"}]
SAVE_DOCUMENTS = (
    f"INSERT INTO tracking_document (project_id, {DOCUMENTS.names})"
    f" SELECT %s, {DOCUMENTS.names} FROM stage_document ORDER BY system, key"
    " ON CONFLICT (project_id, system, key) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in _VALUES)
)
SAVE_PARTS = (
    f"INSERT INTO tracking_documentpart AS t (project_id, {PARTS.names})"
    f" SELECT %s, {PARTS.names} FROM stage_documentpart ORDER BY system, key, hash"
    " ON CONFLICT (project_id, system, key, hash) DO UPDATE"
    " SET received_at = least(t.received_at, excluded.received_at)"
)

logger = logging.getLogger(__name__)


class DocumentChange(msgspec.Struct):
    """A document with its new parts: what it means now, and what it meant before."""

    system: str
    key: str
    parts: list[Part]
    saved: list[Part]  # what is written: the fresh ones, and those that turned out older
    fresh: list[Part]
    derived: Derived
    before: DerivedKeys
    events: dict[EventKey, IncomingEvent]
    facts: list[Fact] = []  # of ``put``, priced and packed

    @property
    def put(self) -> list[IncomingEvent]:
        """The derived events that are new or say something else than before."""
        return [
            event
            for key, event in self.events.items()
            if self.before.get(key) != event.content_rank
        ]

    @property
    def retract(self) -> list[EventKey]:
        return [key for key in self.before if key not in self.events]

    @property
    def received_us(self) -> int:
        """When the last of the new parts was received: what comes of them is known since then."""
        return max(part.received_us for part in self.saved)


class DocumentChanges(msgspec.Struct):
    """What a lease's parts change; ``stored`` and ``repeated`` are the receipts of its parts."""

    changes: list[DocumentChange] = []
    refused: list[Item] = []
    put_off: list[Part] = []  # to be digested a moment later, with those that come until then
    stored: list[int] = []
    repeated: list[int] = []
    n_failures: int = 0  # derivations of one document


@contextmanager
def locked_documents(
    cursor: psycopg.Cursor[Any], project_id: int, parts: Iterable[Part]
) -> Iterator[None]:
    """Keep other processes away from these documents; a connection that ends lets go of them."""
    locks = sorted({_lock_of(project_id, part.system, part.key) for part in parts})
    try:
        # Within: a statement that fails half-way, in a deadlock say, keeps what it locked.
        cursor.execute(LOCK, (locks,))
        yield
    finally:
        if can_let_go(cursor):
            cursor.execute(UNLOCK, (locks,))


def lock_documents(
    cursor: psycopg.Cursor[Any], project_id: int, keys: Iterable[DocumentKey]
) -> None:
    """Keep everybody else away from documents until this transaction ends."""
    locks = sorted({_lock_of(project_id, system, key) for system, key in keys})
    cursor.execute(LOCK_TO_THE_END, (locks,))


def _lock_of(project_id: int, system: str, key: str) -> int:
    stripe = xxh64_intdigest(f"{system}\0{key}".encode()) % N_LOCKS
    return xxh64_intdigest(b"document\0%d\0%d" % (project_id, stripe)) - 2**63


def read_documents(
    cursor: psycopg.Cursor[Any], project_id: int, parts: Sequence[Part]
) -> DocumentChanges:
    """Derive the documents of new parts anew. The caller holds :func:`locked_documents`."""
    news: dict[DocumentKey, list[Part]] = {}
    for part in parts:
        news.setdefault((part.system, part.key), []).append(part)
    rows = cursor.execute(LOAD_DOCUMENTS, (*_arrays(news), project_id)).fetchall()
    before = {(system, key): unpack_derived(derived) for system, key, _, derived in rows}
    great = {(system, key) for system, key, n_parts, _ in rows if n_parts >= GREAT}
    result = DocumentChanges()
    for document in great:
        if not any(part.is_put_off for part in news[document]):
            waiting = news.pop(document)
            result.put_off += [msgspec.structs.replace(p, is_put_off=True) for p in waiting]
    if not news:
        return result
    stored: dict[DocumentKey, dict[bytes, Part]] = {}
    for system, key, received_at, body in cursor.execute(LOAD_PARTS, (*_arrays(news), project_id)):
        part = _open_part(system, key, received_at, body)
        stored.setdefault((system, key), {})[part.body] = part
    for document, arrived in news.items():
        change = _merge(document, stored.get(document, {}), arrived, result)
        if change is not None:
            change.before = before.get(document, {})
            result.changes.append(change)
    return result


def _arrays(keys: Iterable[DocumentKey]) -> list[list[str]]:
    return list(map(list, zip(*keys, strict=True)))


def _open_part(system: str, key: str, received_at: Any, body: bytes) -> Part:
    text = isal_zlib.decompress(bytes(body))
    return Part(system=system, key=key, body=text, received_us=unix_us(received_at) or 0)


def _merge(
    document: DocumentKey, known: dict[bytes, Part], arrived: list[Part], result: DocumentChanges
) -> DocumentChange | None:
    """Add the parts that arrived to those that are known; None when they change nothing."""
    added: dict[bytes, Part] = {}
    result.n_failures = 0
    for part in sorted(arrived, key=lambda p: p.received_us):
        other = added.get(part.body) or known.get(part.body)
        if other is not None:
            result.repeated += [part.received_us] if part.is_counted else []
        elif len(known) + len(added) >= MAX_PARTS:
            result.refused.append(refuse_part(part, f"too_many_parts: {MAX_PARTS:,} are kept"))
            continue
        # Equal pieces are one, received when the first of them was: the order of digestion is luck.
        if other is None or part.received_us < other.received_us:
            added[part.body] = part
    if not added:
        return None
    return _derive(document, known, added, result)


def _derive(
    document: DocumentKey,
    known: dict[bytes, Part],
    added: dict[bytes, Part],
    result: DocumentChanges,
) -> DocumentChange | None:
    """Derive from all parts; a part with which that fails is refused, alone."""
    try:
        change = _change_of(document, known, added)
    except Exception as error:  # a bug of a deriver must not lose what was acknowledged
        failure = error
    else:
        result.stored += [part.received_us for part in change.fresh if part.is_counted]
        return change
    result.n_failures += 1
    if len(added) > 1 and result.n_failures < MOST_FAILURES:
        return _derive_halves(document, known, added, result)
    system, key = document
    logger.error("The document %s of %s cannot be derived", key, system, exc_info=failure)
    reason = f"derive_failed: {type(failure).__name__}: {failure}"
    result.refused += [refuse_part(part, reason) for part in added.values()]
    return None


def _derive_halves(
    document: DocumentKey,
    known: dict[bytes, Part],
    added: dict[bytes, Part],
    result: DocumentChanges,
) -> DocumentChange | None:
    kept: dict[bytes, Part] = {}
    changes = []
    parts = list(added.values())
    middle = len(parts) // 2
    for half in (parts[:middle], parts[middle:]):
        tried = {part.body: part for part in half}
        change = _derive(document, {**known, **kept}, tried, result)
        if change is not None:
            kept |= {part.body: part for part in change.saved}
            changes.append(change)
    if not changes:
        return None
    last = changes[-1]
    last.saved = [part for change in changes for part in change.saved]
    last.fresh = [part for change in changes for part in change.fresh]
    return last


def _change_of(
    document: DocumentKey, known: dict[bytes, Part], added: dict[bytes, Part]
) -> DocumentChange:
    system, key = document
    ordered = sorted({**known, **added}.values(), key=lambda part: (part.received_us, part.body))
    derived = DERIVERS[system](key, ordered)
    events = {(event.occurred_us, event.id): event for event in derived.events}
    fresh = [part for body, part in added.items() if body not in known]
    return DocumentChange(system, key, ordered, list(added.values()), fresh, derived, {}, events)


def refuse_part(part: Part, reason: str) -> Item:
    """The part as something to quarantine."""
    n_items = int(part.is_counted)
    return Item(PART_FORMAT, msgspec.json.encode(part), reason, part.received_us, n_items=n_items)


def save_documents(
    cursor: psycopg.Cursor[Any], project_id: int, changes: Sequence[DocumentChange]
) -> None:
    """Store parts and documents, in the transaction that stores their events."""
    if not changes:
        return
    PARTS.fill(cursor, (_part_row(part) for change in changes for part in change.saved))
    cursor.execute(SAVE_PARTS, (project_id,))
    DOCUMENTS.fill(cursor, map(_document_row, changes))
    cursor.execute(SAVE_DOCUMENTS, (project_id,))


def _part_row(part: Part) -> tuple[Any, ...]:
    identity = content_identity(part.body, 0)
    body = isal_zlib.compress(part.body, 1)
    return part.system, part.key, identity, pg_time(part.received_us), body


def _document_row(change: DocumentChange) -> tuple[Any, ...]:
    received = [part.received_us for part in change.parts]
    times = [event.occurred_us for event in change.events.values()] or received
    ends = [e.occurred_us + (e.duration_us or 0) for e in change.events.values()] or received
    ranks = {key: event.content_rank for key, event in change.events.items()}
    return (
        change.system,
        change.key,
        pg_time(min(times)),
        pg_time(max(ends)),
        len(change.parts),
        pack_derived(ranks),
        pg_json(change.derived.summary),
    )

"""What inbox batches hold, made ready to be stored: read, derived, priced, packed.

No lock of a row is held meanwhile: Python thinks here.
"""

import logging
from typing import Any

import msgspec
import psycopg
from django.conf import settings

from tracking import leases
from tracking.adapters import ADAPTERS
from tracking.adapters.span_scores import score_parts, without_evaluations
from tracking.blocks import Block
from tracking.clients import client_of
from tracking.counters import Fate, FateCounts
from tracking.dimensions import decide_names
from tracking.documents import DocumentChanges, read_documents
from tracking.event_rows import EventKey
from tracking.events import OWN_FORMATS, IncomingEvent, Part, Receipt, rank_of
from tracking.folding import Fact
from tracking.inflate import inflate
from tracking.judging import Version, version_of
from tracking.leases import Batch
from tracking.mentions import PROTOBUF
from tracking.origins import save_origins
from tracking.preparing import pack_facts, price_event, settle_clocks
from tracking.project_prices import book_of
from tracking.quarantine import RETRIED, Item
from tracking.rules import Rules
from tracking.screening import (
    screen_documents,
    screen_events,
    strip_events,
    strip_origins,
    strip_parts,
)
from tracking.staging import unix_us

logger = logging.getLogger(__name__)


class Reading(msgspec.Struct):
    """What the bodies of a project's batches hold."""

    facts: list[Fact] = []
    received_us: list[int] = []
    blocks: list[Block] = []
    parts: list[Part] = []
    documents: DocumentChanges = msgspec.field(default_factory=DocumentChanges)
    quarantined: list[Item] = []
    judged: dict[Version, list[Part]] = {}  # scores that events carry
    handed_on: list[Part] = []  # those of the events that are stored: digested after them
    counts: FateCounts = msgspec.field(default_factory=FateCounts)
    rules: Rules = Rules()

    @property
    def derived(self) -> list[Fact]:
        return [fact for change in self.documents.changes for fact in change.facts]


def read_batch(cursor: psycopg.Cursor[Any], batch: Batch, reading: Reading) -> None:
    _count_source(cursor, batch, reading.counts)
    body = inflate(batch.body, batch.encoding, limit=settings.INGEST_MAX_BYTES)
    if batch.attempts >= leases.QUARANTINE_FROM:
        reason = f"gave_up: {batch.attempts - 1} attempts failed; {batch.last_error}"
        reading.quarantined.append(Item.of_batch(batch, body=body, reason=reason))
        return
    received_us = unix_us(batch.received_at) or 0
    receipt = Receipt(received_us, batch.horizon_us, batch.headers)
    try:
        read = ADAPTERS[batch.format].read(body, receipt=receipt)
    except Exception as error:  # an adapter's bug must not lose what was acknowledged
        logger.exception("The adapter %s failed on batch %s", batch.format, batch.id)
        reason = f"adapter_failed: {type(error).__name__}: {error}"
        reading.quarantined.append(Item.of_batch(batch, body=body, reason=reason))
        return
    for rejection in read.rejections:
        reading.counts.count(Fate.REJECTED, received_us, detail=rejection.code)
    for failure in read.failures:
        item = Item(
            batch.format,
            failure.body,
            failure.reason,
            received_us,
            batch.horizon_us,
            headers=batch.headers,
        )
        reading.quarantined.append(item)
    rules, project_id = _rules_for(batch, body, reading.rules), batch.project_id
    save_origins(cursor, project_id, strip_origins(rules, read.origins))
    reading.parts += strip_parts(rules, read.parts)
    events = settle_clocks(cursor, project_id, read.events)
    if not rules.lets_all_in:

        def refuse(code: str) -> None:
            reading.counts.count(Fate.REJECTED, received_us, detail=code)

        events = screen_events(cursor, project_id, rules, events, refuse=refuse)
    events = _take_evaluations(events, reading, rules, received_us=received_us)
    book = book_of(batch.project_id)
    reading.facts += [price_event(event, book) for event in events]
    reading.received_us += [received_us] * len(events)


def _take_evaluations(
    events: list[IncomingEvent], reading: Reading, rules: Rules, *, received_us: int
) -> list[IncomingEvent]:
    """Make scores of what events carry, of each version that came: which one is stored is another
    matter."""
    judged = [event for event in events if event.evaluations]
    if not judged:
        return events
    for event in judged:
        parts = score_parts(event, received_us=received_us)
        reading.judged[version_of(event)] = strip_parts(rules, parts)
    return [without_evaluations(event) if event.evaluations else event for event in events]


def _rules_for(batch: Batch, body: bytes, rules: Rules) -> Rules:
    """The rules without masks, where nothing of a request can be masked."""
    if rules.masker is None or batch.format not in PROTOBUF or not rules.masker.finds_nothing(body):
        return rules
    return msgspec.structs.replace(rules, masker=None)


def _count_source(cursor: psycopg.Cursor[Any], batch: Batch, counts: FateCounts) -> None:
    """Note from where, and in which format, a request came: one entry of the ledger each, and none
    for what comes out of quarantine or of other items."""
    if batch.format in OWN_FORMATS or RETRIED in batch.headers:
        return
    received_us = unix_us(batch.received_at) or 0
    counts.count(Fate.FORMAT, received_us, detail=batch.format, n=batch.n_items)
    client = client_of(batch.headers.get("user-agent", ""))
    fold_name = decide_names(cursor, batch.project_id, {"client": {client}})
    counts.count(Fate.CLIENT, received_us, detail=fold_name("client", client))


def make_ready(cursor: psycopg.Cursor[Any], project_id: int, reading: Reading) -> None:
    """Drop repeats within the request, derive documents, pack payloads into blocks."""
    _drop_repeats(reading)
    reading.blocks = pack_facts(reading.facts)
    if not reading.parts:
        return
    documents = read_documents(cursor, project_id, reading.parts)
    documents.changes = screen_documents(
        cursor, project_id, reading.rules, documents.changes, reading.counts
    )
    reading.documents = documents
    reading.quarantined += documents.refused
    for fate, receipts in (
        (Fate.STORED, documents.stored),
        (Fate.DUPLICATE, documents.repeated),
    ):
        for received_us in receipts:
            reading.counts.count(fate, received_us)
    for change in documents.changes:
        book = book_of(project_id)
        events = strip_events(reading.rules, settle_clocks(cursor, project_id, change.put))
        horizon_us = reading.rules.horizon_us
        change.facts = [price_event(e, book) for e in events if e.occurred_us >= horizon_us]
    reading.blocks += pack_facts(reading.derived)


def _drop_repeats(reading: Reading) -> None:
    best: dict[EventKey, int] = {}
    for index, fact in enumerate(reading.facts):
        key = fact.event_key
        if (other := best.get(key)) is None:
            best[key] = index
            continue
        reading.counts.count(Fate.DUPLICATE, reading.received_us[index])
        if rank_of(fact.event) > rank_of(reading.facts[other].event):
            best[key] = index
    if len(best) < len(reading.facts):
        kept = sorted(best.values())
        reading.facts = [reading.facts[i] for i in kept]
        reading.received_us = [reading.received_us[i] for i in kept]

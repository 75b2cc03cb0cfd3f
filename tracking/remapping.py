"""Stored spans mapped again by the tables of today: a job in small steps, safe to stop and repeat.

An event holds the version of the tables that mapped it, and as what it came: OTLP, a JSON event, a
flat span of Fallom's. What documents mean is derived, not mapped, and left alone, and so is what
came as JSON before that was noted: which of its columns were fields is not known any more. A step
reads some events in order of their keys, maps those of an older version again, and writes what came
out differently the way of every correction; the others get the new version alone. Evaluations found
are handed on as scores, the same ones that would have come of them. What is ingested meanwhile has
the new version already.
"""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec
import psycopg
from django.db.models import Sum
from django.utils import timezone

from core.jobs import register_job, start_job
from core.models import Job, Project
from tracking.adapters.dialects.keys import (
    FALLOM_SPANS,
    JSON_SPANS,
    JUDGED,
    MAP_VERSION,
    VERSIONS,
)
from tracking.adapters.fallom_remap import remap_flat_span
from tracking.adapters.json_remap import remap_json_span
from tracking.adapters.otlp_remap import differs, remap_span
from tracking.adapters.span_scores import score_parts, without_evaluations
from tracking.corrections import apply_deltas
from tracking.event_rows import COLUMNS, EventKey, fact_of_row, load_facts
from tracking.events import IncomingEvent, Part, Payload
from tracking.folding import Fact, by_trace
from tracking.handing_on import hand_on
from tracking.models import UsageRollup
from tracking.payloads import load_payloads, save_blocks
from tracking.preparing import pack_facts, price_event
from tracking.pricing import PriceBook
from tracking.project_prices import book_of
from tracking.rules import hold_rules
from tracking.staging import datetime_of, open_cursor, read_json, unix_us
from tracking.traces import lock_stored
from tracking.unmapped import forget_known

KIND = "remap"
STEP = 500  # events

# Before there was a version, what had an origin had come as OTLP.
READ = (
    f"SELECT {COLUMNS}, e.metadata FROM tracking_event e WHERE e.project_id = %s"
    " AND (e.occurred_at, e.id) > (%s, %s) ORDER BY e.occurred_at, e.id LIMIT %s"
)
ORIGINS = "SELECT hash, body FROM tracking_origin WHERE project_id = %s AND hash = ANY (%s)"
MARK = (
    f"UPDATE tracking_event e SET map_version = map_version / {VERSIONS} * {VERSIONS} + %s FROM"
    " unnest(%s::timestamptz[], %s::uuid[], %s::bigint[]) k (at, id, rank)"
    " WHERE e.project_id = %s AND e.occurred_at = k.at AND e.id = k.id AND e.content_rank = k.rank"
)
BEGINNING = ("-infinity", str(uuid.UUID(int=0)))


class Stored(msgspec.Struct):
    """An event as it is stored, with its payload and its resource's attributes."""

    fact: Fact
    received_us: int
    payload: Payload
    resource: dict[str, object]


def start_remap(project: Project, **options: Any) -> Job:
    """Queue the job; the same open one is not queued twice."""
    return start_job(project, KIND, {"version": MAP_VERSION}, **options)


def remap_step(job: Job) -> bool:
    """Map the next events again, within the caller's transaction; True when there are no more."""
    project_id = job.project_id
    if job.n_total is None:
        job.n_total = _count_spans(project_id)
    place = job.place.get("after", BEGINNING)
    with open_cursor() as cursor:
        rows = cursor.execute(READ, (project_id, *place, STEP)).fetchall()
        older = [row for row in rows if _is_older(fact_of_row(row[:-1]).event)]
        stored = _load(cursor, project_id, older)
        n_changed = _write(cursor, project_id, stored)
    if rows:
        last = fact_of_row(rows[-1][:-1]).event
        at = datetime_of(last.occurred_us).isoformat()
        job.place = {"after": [at, str(uuid.UUID(bytes=last.id))]}
    job.n_done += len(rows)
    job.result = {
        "mapped": job.result.get("mapped", 0) + len(stored),
        "changed": job.result.get("changed", 0) + n_changed,
    }
    is_done = len(rows) < STEP
    if is_done:
        forget_known(project_id)
    return is_done


def _count_spans(project_id: int) -> int:
    sums = UsageRollup.objects.filter(project_id=project_id, family=UsageRollup.Family.ALL)
    return int(sums.aggregate(n=Sum("n"))["n"] or 0)


def _is_older(event: IncomingEvent) -> bool:
    is_mapped = event.map_version > 0 or (event.origin != 0 and event.duration_us is not None)
    return is_mapped and event.map_version % VERSIONS < MAP_VERSION


def _load(
    cursor: psycopg.Cursor[Any], project_id: int, rows: Sequence[tuple[Any, ...]]
) -> list[Stored]:
    """Rows of READ with what their payloads and origins hold."""
    facts = [fact_of_row(row[:-1]) for row in rows]
    for fact, row in zip(facts, rows, strict=True):
        text = "" if row[-1] is None else msgspec.json.encode(read_json(row[-1])).decode()
        fact.event = msgspec.structs.replace(fact.event, metadata=text)
    return _open(cursor, project_id, facts, [unix_us(row[0]) or 0 for row in rows])


def read_again(
    cursor: psycopg.Cursor[Any], project_id: int, facts: Sequence[Fact]
) -> list[IncomingEvent | None]:
    """Stored events as what came maps today; None for those of which that cannot be told."""
    return [_remap(each) for each in _open(cursor, project_id, facts, [0] * len(facts))]


def _open(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    facts: Sequence[Fact],
    received_us: Sequence[int],
) -> list[Stored]:
    places = [(datetime_of(f.event.occurred_us), f.block_id, f.block_ix) for f in facts]
    payloads = load_payloads(project_id, places)
    hashes = list({fact.event.origin for fact in facts})
    bodies = cursor.execute(ORIGINS, (project_id, hashes)).fetchall() if hashes else []
    resources = {
        found: msgspec.json.decode(bytes(body)).get("resource", {}) for found, body in bodies
    }
    return [
        Stored(fact, received, payload, resources.get(fact.event.origin, {}))
        for fact, received, payload in zip(facts, received_us, payloads, strict=True)
    ]


def _write(cursor: psycopg.Cursor[Any], project_id: int, stored: Sequence[Stored]) -> int:
    """Map and write; return how many events came out differently."""
    changed: dict[EventKey, Fact] = {}
    moved: list[Fact] = []
    hold_rules(cursor, project_id)  # before the locks of rows, as everybody does
    book = book_of(project_id)
    judged: dict[EventKey, list[Part]] = {}
    for each in stored:
        fact, is_moved = remap_fact(each, book, judged)
        if fact is not None:
            changed[fact.event_key] = fact
            moved += [fact] if is_moved else []
    blocks = pack_facts(moved)
    # Whoever changes an event holds the lock of its trace: what is read below stays so. A trace
    # that was erased since it was read is not made again.
    lock_stored(cursor, project_id, by_trace(s.fact for s in stored))
    ranks = {s.fact.event_key: s.fact.event.content_rank for s in stored}
    current = {
        fact.event_key
        for fact in load_facts(cursor, project_id, sorted(ranks), lock=True)
        if ranks[fact.event_key] == fact.event.content_rank
    }
    written = [fact for key, fact in changed.items() if key in current]
    if written:
        used = {fact.block_id for fact in written}
        save_blocks(cursor, project_id, [block for block in blocks if block.id in used])
        apply_deltas(project_id, replace=written, now=timezone.now())
    parts = [part for key, said in judged.items() if key in current for part in said]
    hand_on(cursor, project_id, parts, due=timezone.now())
    _mark(cursor, project_id, sorted(current - changed.keys()), ranks)
    return len(written)


def remap_fact(
    stored: Stored, book: PriceBook, judged: dict[EventKey, list[Part]]
) -> tuple[Fact | None, bool]:
    """The fact as it is mapped now, or None when that changes nothing; and whether its payload is
    another one. ``judged`` is given the scores that it carries."""
    before = stored.fact
    mapped = _remap(stored)
    if mapped is None:
        return None, False
    if mapped.evaluations:
        judged[before.event_key] = score_parts(mapped, received_us=stored.received_us)
        mapped = without_evaluations(mapped)
    fact = price_event(mapped, book)
    is_moved = mapped.payload != stored.payload
    if not is_moved and _is_same(before.event, fact.event):
        return None, False
    if not is_moved:
        fact.block_id, fact.block_ix = before.block_id, before.block_ix
    return fact, is_moved


def _remap(stored: Stored) -> IncomingEvent | None:
    """The event as what came maps today; None when that cannot be told any more."""
    event, payload = stored.fact.event, stored.payload
    came_as = event.map_version % JUDGED // VERSIONS * VERSIONS
    if came_as == JSON_SPANS:
        return remap_json_span(event, payload)
    if came_as == FALLOM_SPANS:
        return remap_flat_span(event, payload)
    return remap_span(event, payload, stored.resource)


def _is_same(stored: IncomingEvent, mapped: IncomingEvent) -> bool:
    """Metadata is compared as values: binary JSON keeps neither spaces nor order."""
    texts = (stored.metadata, mapped.metadata)
    said = [msgspec.json.decode(text) if text else {} for text in texts]
    plain = msgspec.structs.replace(stored, metadata=mapped.metadata)
    return said[0] == said[1] and not differs(plain, mapped)


def _mark(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    keys: Sequence[EventKey],
    ranks: dict[EventKey, int],
) -> None:
    if keys:
        times = [datetime_of(us) for us, _ in keys]
        ids = [uuid.UUID(bytes=identity) for _, identity in keys]
        values = (MAP_VERSION, times, ids, [ranks[key] for key in keys], project_id)
        cursor.execute(MARK, values)


register_job(KIND, remap_step)

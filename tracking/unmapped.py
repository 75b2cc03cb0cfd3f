"""Attribute names that no dialect maps: noted by every digest, shown on a settings page.

Spans of one program carry the same names, so a lease's spans are grouped by theirs first, and each
group is looked at once: what that costs does not depend on how many attributes are known.
"""

import datetime
import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import psycopg
from django.db import DatabaseError, transaction

from tracking.adapters.dialects.recognised import family_of, is_recognised
from tracking.cleaning import clean_name
from tracking.folding import Fact
from tracking.models import UnmappedAttribute
from tracking.payloads import load_payloads
from tracking.staging import datetime_of
from tracking.statements import fetch_all

MAX_NAMES = 1_000
"""Names kept of one project, the first ones: a program that makes up names fills no table."""
NAMES_AT_ONCE = 200
NAMES_LOOKED_AT = 2_000
SHOWN = 100
TEXT_LENGTH = 200

SAVE = (
    "INSERT INTO tracking_unmappedattribute AS t (project_id, name, n, first_seen, last_seen,"
    " occurred_at, event_id, trace_id, span_id)"
    " SELECT %(project)s, s.name, s.n, %(now)s, %(now)s, s.at, s.id, s.trace, s.span"
    " FROM unnest(%(names)s::text[], %(ns)s::bigint[], %(times)s::timestamptz[], %(ids)s::uuid[],"
    " %(traces)s::text[], %(spans)s::text[]) WITH ORDINALITY s (name, n, at, id, trace, span, i)"
    " WHERE (SELECT count(*) FROM tracking_unmappedattribute WHERE project_id = %(project)s) + s.i"
    " <= %(limit)s OR EXISTS (SELECT 1 FROM tracking_unmappedattribute k"
    " WHERE k.project_id = %(project)s AND k.name = s.name)"
    " ORDER BY s.name ON CONFLICT (project_id, name) DO UPDATE SET n = t.n + excluded.n,"
    " last_seen = greatest(t.last_seen, excluded.last_seen), occurred_at = excluded.occurred_at,"
    " event_id = excluded.event_id, trace_id = excluded.trace_id, span_id = excluded.span_id"
)
PLACES = (
    "SELECT e.occurred_at, e.id, e.block_id, e.block_ix FROM tracking_event e"
    " JOIN unnest(%s::timestamptz[], %s::uuid[]) k (at, id) ON e.occurred_at = k.at AND e.id = k.id"
    " WHERE e.project_id = %s"
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UnmappedRow:
    """``text``: the value in the latest span with it; "" when that span is stored no more."""

    name: str
    n: int
    first_seen: datetime.datetime
    last_seen: datetime.datetime
    trace_id: str
    span_key: str
    text: str
    is_stored: bool


class UnmappedNames(NamedTuple):
    rows: list[UnmappedRow]
    n_names: int  # that were asked for, shown or not
    is_full: bool  # further names of the project are not listed


def note_unmapped(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    facts: Iterable[Fact],
    *,
    now: datetime.datetime,
) -> None:
    """Count the unmapped names of these spans; a failure costs nothing but the counts."""
    found = count_unmapped(facts)
    if not found:
        return
    names = sorted(found)
    latest = [found[name][1] for name in names]
    values = {
        "project": project_id,
        "now": now,
        "limit": MAX_NAMES,
        "names": names,
        "ns": [found[name][0] for name in names],
        "times": [datetime_of(fact.event.occurred_us) for fact in latest],
        "ids": [uuid.UUID(bytes=fact.event.id) for fact in latest],
        "traces": [fact.event.trace_id for fact in latest],
        "spans": [fact.event.span_id for fact in latest],
    }
    try:
        with transaction.atomic():
            cursor.execute(SAVE, values)
    except (psycopg.Error, DatabaseError):  # what was digested is committed: only a hint is lost
        logger.exception("The unmapped attributes of project %s are not counted", project_id)


def count_unmapped(facts: Iterable[Fact]) -> dict[str, tuple[int, Fact]]:
    """How many spans carry each unmapped name, and one of them. At most NAMES_AT_ONCE names."""
    groups: dict[tuple[str, ...], list[Any]] = {}
    for fact in facts:
        attributes = fact.event.payload.attributes
        if attributes and fact.event.duration_us is not None:
            group = groups.setdefault(tuple(attributes), [0, fact])
            group[0] += 1
    found: dict[str, tuple[int, Fact]] = {}
    for names, (n, fact) in groups.items():
        for name in unmapped_among(names):
            if name in found:
                found[name] = found[name][0] + n, found[name][1]
            elif len(found) < NAMES_AT_ONCE:
                found[name] = n, fact
    return found


def unmapped_among(names: Sequence[str]) -> set[str]:
    """The families of the names that nothing reads, as a text column can hold them."""
    unknown = (name for name in names[:NAMES_LOOKED_AT] if not is_recognised(name))
    return {clean_name(family_of(name)) for name in unknown} - {""}


def list_unmapped(project_id: int, *, search: str = "") -> UnmappedNames:
    """The most frequent names that contain a text."""
    kept = UnmappedAttribute.objects.filter(project_id=project_id)
    rows = kept.exclude(name__in=names_known_by_now(project_id))
    if search:
        rows = rows.filter(name__icontains=search.replace("\0", ""))
    shown = list(rows.order_by("-n", "name")[:SHOWN])
    times, ids = [row.occurred_at for row in shown], [row.event_id for row in shown]
    places = {
        (at, event_id): (at, block_id, block_ix)
        for at, event_id, block_id, block_ix in fetch_all(PLACES, [times, ids, project_id])
    }
    at_rows = [
        places.get((row.occurred_at, row.event_id), (row.occurred_at, 0, 0)) for row in shown
    ]
    payloads = load_payloads(project_id, at_rows)
    found = [
        _build_row(row, payload.attributes or {})
        for row, payload in zip(shown, payloads, strict=True)
    ]
    n_names = rows.count() if len(shown) == SHOWN else len(shown)
    return UnmappedNames(found, n_names, kept.count() >= MAX_NAMES)


def names_known_by_now(project_id: int) -> list[str]:
    """Names that were noted before there was a table that knows them."""
    names = UnmappedAttribute.objects.filter(project_id=project_id).values_list("name", flat=True)
    return [name for name in names if is_recognised(name)]


def forget_known(project_id: int) -> None:
    """Make room for names that are still unknown."""
    known = names_known_by_now(project_id)
    rows = UnmappedAttribute.objects.filter(project_id=project_id, name__in=known)
    locked = rows.order_by("name").select_for_update()  # in the order of whoever notes them
    UnmappedAttribute.objects.filter(pk__in=[row.pk for row in locked]).delete()


def _build_row(row: UnmappedAttribute, attributes: dict[str, object]) -> UnmappedRow:
    keys = [row.name] if row.name in attributes else attributes
    held = [attributes[key] for key in keys if clean_name(family_of(key)) == row.name]
    text = "" if not held else held[0] if isinstance(held[0], str) else _json(held[0])
    return UnmappedRow(
        name=row.name,
        n=row.n,
        first_seen=row.first_seen,
        last_seen=row.last_seen,
        trace_id=row.trace_id,
        span_key=row.span_id or str(row.event_id),
        text=text[:TEXT_LENGTH] or '""',
        is_stored=bool(held),
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()

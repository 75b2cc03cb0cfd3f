"""What a digest tells of the sessions it touched, for :mod:`tracking.session_texts` to write."""

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import psycopg

from tracking.blocks import new_block_id
from tracking.events import EMPTY_PAYLOAD, Payload
from tracking.folding import Fact
from tracking.glimpses import Glimpse, Told, Words, dimensions_of, first_words, tells_messages
from tracking.previews import input_preview, output_preview
from tracking.ranks import pack_key, unpack_key
from tracking.session_deltas import SessionTotals
from tracking.staging import Row, copy_into, pg_texts
from tracking.traces import Change

FACETS_KEPT = 200
TOLD_COLUMNS = {
    "session_id": "text",
    "first_rank": "bytea",
    "first_input": "text",
    "last_rank": "bytea",
    "last_output": "text",
    "facets": "text[]",
}
NEWS_COLUMNS = {"project_id": "int8", "told_id": "int8", **TOLD_COLUMNS}
REFRESH = (
    "INSERT INTO tracking_sessiontorefresh AS t (project_id, session_id, due_at, is_whole)"
    " SELECT %s, s, %s, w FROM unnest(%s::text[], %s::bool[]) k (s, w)"
    " ON CONFLICT (project_id, session_id)"
    # One that is being refreshed at this moment does not see these events: its lease is undone.
    " DO UPDATE SET due_at = least(t.due_at, excluded.due_at),"
    " is_whole = t.is_whole OR excluded.is_whole"
    " WHERE t.due_at > excluded.due_at OR (excluded.is_whole AND NOT t.is_whole)"
)

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Payload).decode


Sessions = Mapping[str, Told | None]
"""What is new of each session; None: it is to be told anew from all of its events."""


def find_told(
    deltas: Mapping[str, SessionTotals],
    changed: Iterable[Change],
    added: Iterable[Fact],
    *,
    is_whole: bool,
) -> Sessions:
    """What these events tell of the sessions. Where something was taken away, or ties may change
    what stored events count under, all is told anew."""
    changes = {change.after.trace_id: change for change in changed}
    whole = set(deltas) if is_whole else _find_whole(deltas, changes.values())
    glimpses: dict[str, Glimpse[Payload]] = {}
    for fact in added:
        event = fact.event
        if not event.trace_id:
            continue  # a point of no trace is in no session
        session_id = changes[event.trace_id].after.parts[event.session_own].session_id
        # Scores are no activity of what they judge.
        if session_id in whole or event.is_score:
            continue
        if (glimpse := glimpses.get(session_id)) is None:
            glimpse = glimpses[session_id] = Glimpse()
        payload = None if event.payload is EMPTY_PAYLOAD else event.payload
        said, tells = dimensions_of(event), tells_messages(event)
        glimpse.add(said, event.occurred_us, event.id, payload, tells=tells)
    told: dict[str, Told | None] = dict.fromkeys(whole)
    for session_id in deltas.keys() - whole:
        glimpse = glimpses.get(session_id)
        told[session_id] = _told(glimpse) if glimpse else Told()
    return told


def _find_whole(deltas: Mapping[str, SessionTotals], changed: Iterable[Change]) -> set[str]:
    whole = {session_id for session_id, delta in deltas.items() if delta.is_stale}
    for change in changed:
        if change.before.ties or change.after.ties:
            whole.update(part.session_id for part in change.after.parts.values())
    return whole


def queue_refreshes(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    sessions: Sessions,
    *,
    due_at: datetime.datetime,
) -> None:
    """Have the texts of sessions refreshed."""
    wanted = sorted(sessions)
    is_whole = [sessions[session_id] is None for session_id in wanted]
    cursor.execute(REFRESH, (project_id, due_at, wanted, is_whole))
    head = (project_id, new_block_id())
    rows = [(*head, *told_row(s, told)) for s in wanted if (told := sessions[s]) and told.facets]
    if rows:
        copy_into(cursor, "tracking_sessionnews", NEWS_COLUMNS, rows)


def _told(glimpse: Glimpse[Payload]) -> Told:
    return Told(
        glimpse.facets(),
        first_words(glimpse.first_places(), lambda said: input_preview(_as_stored(said))),
        first_words(glimpse.last_places(), lambda said: output_preview(_as_stored(said))),
    )


def _as_stored(payload: Payload) -> Payload:
    """What a reader of its block will see."""
    return _decode(_encode(payload))


def told_row(session_id: str, told: Told) -> Row:
    first_rank, first_input = _end(told.first)
    last_rank, last_output = _end(told.last)
    facets = pg_texts(sorted(told.facets)[:FACETS_KEPT])
    return session_id, first_rank, first_input, last_rank, last_output, facets


def _end(words: Words | None) -> tuple[bytes, str]:
    return (pack_key(words.key) or b"", words.text) if words else (b"", "")


def read_told(
    first_rank: bytes | None,
    first_input: str,
    last_rank: bytes | None,
    last_output: str,
    facets: list[str],
) -> Told:
    """What :func:`told_row` wrote."""
    return Told(set(facets), _words(first_rank, first_input), _words(last_rank, last_output))


def _words(rank: bytes | None, text: str) -> Words | None:
    key = unpack_key(rank or None)
    return Words(key, text) if key else None

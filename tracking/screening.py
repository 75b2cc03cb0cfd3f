"""What was read, let in by the rules of its project: refused, stripped or masked, then stored."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import psycopg

from tracking.content import drop_content, drop_origin_content, drop_part_content
from tracking.counters import Fate, FateCounts
from tracking.documents import DocumentChange
from tracking.events import EVENT_FORMAT, PART_FORMAT, IncomingEvent, Part
from tracking.mentions import PROTOBUF, names_said
from tracking.quarantine import Item
from tracking.rules import Rules
from tracking.tombstones import find_erased, hash_key, is_any_erased

EXPIRED, ERASED = "expired", "erased"


def screen_events(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    rules: Rules,
    events: Sequence[IncomingEvent],
    *,
    refuse: Callable[[str], None],
) -> list[IncomingEvent]:
    """The events of one request that are let in, as they may be stored.

    ``refuse`` is told the code of each that is not.
    """
    kept: list[IncomingEvent] = []
    erased = find_erased(cursor, project_id, events) if rules.has_erased else set()
    for index, event in enumerate(events):
        if index in erased:
            refuse(ERASED)
        elif event.occurred_us < rules.horizon_us:
            refuse(EXPIRED)
        else:
            kept.append(event)
    return strip_events(rules, kept)


def strip_events(rules: Rules, events: list[IncomingEvent]) -> list[IncomingEvent]:
    """Without content where none is captured, masked where there are masks."""
    if not rules.capture_content:
        events = list(map(drop_content, events))
    if rules.masker is not None:
        events = list(map(rules.masker.mask_event, events))
    return events


def strip_parts(rules: Rules, parts: Sequence[Part]) -> list[Part]:
    """Pieces of documents as they may be stored: what is derived from them holds no more."""
    stripped = list(parts)
    if not rules.capture_content:
        secret = hash_key()
        stripped = [drop_part_content(part, secret=secret) for part in stripped]
    if rules.masker is not None:
        stripped = list(map(rules.masker.mask_part, stripped))
    return stripped


def strip_origins(rules: Rules, origins: dict[int, bytes]) -> dict[int, bytes]:
    """Resources and scopes, masked: a process may be started with a key on its command line."""
    if not rules.capture_content:
        origins = {identity: drop_origin_content(body) for identity, body in origins.items()}
    if rules.masker is None:
        return origins
    return {identity: rules.masker.mask_body(body) for identity, body in origins.items()}


def strip_item(rules: Rules, item: Item) -> Item:
    """What goes to quarantine. Events and parts were stripped before; of anything else nobody knows
    where its content is: it goes whole where none is captured, and cannot be tried again."""
    if item.format in {EVENT_FORMAT, PART_FORMAT}:
        return item
    if not rules.capture_content:
        code = item.reason.partition(":")[0]
        return msgspec.structs.replace(item, body=b"", reason=f"{code}: content_dropped")
    if rules.masker is not None and item.format not in PROTOBUF:
        return msgspec.structs.replace(item, body=rules.masker.mask_body(item.body))
    return item


def screen_items(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    rules: Rules,
    items: Sequence[Item],
    counts: FateCounts,
) -> list[Item]:
    """What may go to quarantine, as it may be kept there. An item that says the name of an erased
    subject is refused."""
    kept = []
    for item in items:
        said = (item.format, item.body, item.headers)
        names = names_said(*said) if rules.has_erased else set()
        if names and is_any_erased(cursor, project_id, names):
            counts.count(Fate.REJECTED, item.received_us, detail=ERASED, n=item.n_items)
        else:
            kept.append(strip_item(rules, item))
    return kept


def screen_documents(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    rules: Rules,
    changes: Sequence[DocumentChange],
    counts: FateCounts,
) -> list[DocumentChange]:
    """The documents that are let in. One that names an erased subject, or has an event of theirs,
    is refused whole."""
    if not rules.has_erased:
        return list(changes)
    kept = []
    for change in changes:
        names = {name for part in change.fresh for name in names_said("", part.body)}
        if is_any_erased(cursor, project_id, names) or find_erased(
            cursor, project_id, list(change.events.values())
        ):
            for part in change.fresh:
                n = int(part.is_counted)
                counts.count(Fate.STORED, part.received_us, n=-n)
                counts.count(Fate.REJECTED, part.received_us, detail=ERASED, n=n)
        else:
            kept.append(change)
    return kept

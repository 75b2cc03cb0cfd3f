"""Scores that spans carried, taken back when a later version of the span says them no more.

What a version judged is read from its stored payload as it was mapped then. Which version counts is
told by its rank, so that what takes a score back may be known before the score is.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import psycopg

from tracking import remapping
from tracking.adapters.dialects.keys import JUDGED
from tracking.adapters.span_scores import parts_gone
from tracking.events import IncomingEvent, Part
from tracking.folding import Fact

Version = tuple[int, bytes, int]
"""(occurred_us, id, rank of the content)."""


def version_of(event: IncomingEvent) -> Version:
    return event.occurred_us, event.id, event.content_rank


def take_back(
    cursor: psycopg.Cursor[Any],
    project_id: int,
    replaced: Iterable[tuple[Fact, Fact]],
    judged: Mapping[Version, list[Part]],
    received_us: int,
) -> list[Part]:
    """What takes back the scores of replaced events that those in their place do not carry.

    ``replaced``: what went and what came; the payloads of the former are still there. ``judged``:
    the scores of what came.
    """
    pairs = [(old, new) for old, new in replaced if old.event.map_version >= JUDGED]
    if not pairs:
        return []
    before = remapping.read_again(cursor, project_id, [old for old, _ in pairs])
    return [
        part
        for event, (_, new) in zip(before, pairs, strict=True)
        if event is not None
        for part in parts_gone(
            event, new.event, judged.get(version_of(new.event), []), received_us=received_us
        )
    ]

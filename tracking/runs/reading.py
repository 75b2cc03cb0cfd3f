"""One run read whole: its pieces, understood together as digest understood them."""

from typing import Any

import msgspec
from isal import isal_zlib

from tracking.adapters.dogpile import LOOSE_SYSTEM, SYSTEM
from tracking.adapters.dogpile.building import build_run
from tracking.adapters.dogpile.ecmascript import stringify
from tracking.adapters.dogpile.record import Run
from tracking.adapters.dogpile.summary import benchmark_id
from tracking.adapters.dogpile.values import JsonObject, open_body
from tracking.cleaning import clean_name
from tracking.documents import MAX_PARTS
from tracking.events import Part
from tracking.staging import unix_us
from tracking.statements import fetch_all

NUL = "\x00"
PARTS = (
    "SELECT received_at, body FROM tracking_documentpart"
    " WHERE project_id = %s AND system = %s AND key = %s ORDER BY received_at, hash LIMIT %s"
)


def read_run(project_id: int, run_id: str) -> Run | None:
    key = clean_name(run_id)
    parts = _read_parts(project_id, SYSTEM, key)
    return build_run(key, parts) if parts else None


def read_loose(project_id: int, key: str) -> JsonObject:
    """The body of what named no run, as sent; {} when there is none."""
    parts = _read_parts(project_id, LOOSE_SYSTEM, key)
    return open_body(parts[0].body) if parts else {}


def _read_parts(project_id: int, system: str, key: str) -> list[Part]:
    if NUL in key:
        return []
    rows: list[tuple[Any, ...]] = fetch_all(PARTS, [project_id, system, key, MAX_PARTS])
    return [
        Part(
            system=system,
            key=key,
            body=isal_zlib.decompress(bytes(body)),
            received_us=unix_us(received_at) or 0,
        )
        for received_at, body in rows
    ]


def find_sub_run(run: Run, run_id: str) -> tuple[Run, str] | None:
    """A run of the family below this one, or itself, with what its spans' ids begin with."""
    todo = [(run, "")]
    while todo:
        each, prefix = todo.pop()
        if each.run_id == run_id:
            return each, prefix
        todo += [(child, f"{prefix}{child.run_id}:") for child in each.children]
    return None


def export_run(project_id: int, run_id: str) -> bytes | None:
    """The run in Dogpile's canonical JSON: its trace as sent, else the best there is of it.

    Without a trace its events as an event log, without events the transcript, the artifact, the
    audit record or the metrics as sent. None of a run that nobody sent.
    """
    key = clean_name(run_id)
    parts = _read_parts(project_id, SYSTEM, key)
    if not parts:
        return None
    return stringify(_whole_of(build_run(key, parts, open_body=msgspec.json.decode)))


def _whole_of(run: Run) -> JsonObject:
    material = run.material
    if material.traces:
        return material.traces[0]
    events = [*run.events, *(run.errors if not material.logs else [])]
    if events:
        return _event_log(run, events)
    pieces = [*material.results, *material.benchmarks, *material.transcripts]
    pieces += [*material.audits, *material.metrics]
    return pieces[0] if pieces else {"runId": run.run_id}


def _event_log(run: Run, events: list[JsonObject]) -> JsonObject:
    return {
        "kind": "run-event-log",
        "runId": run.run_id,
        "protocol": run.protocol,
        "eventTypes": [event.get("type") for event in events],
        "eventCount": len(events),
        "events": events,
    }


def find_benchmark(run: Run, wanted: str) -> JsonObject:
    """The artifact of a run by its id on the board; {} when there is none."""
    found = (each for each in run.material.benchmarks if benchmark_id(each) == wanted)
    return next(found, {})

"""The pieces of a run, sorted by run and by what they are. Pure.

A sub-run's pieces come inside its parent's events, or as events that bubbled up and name their
ancestors: each run of the family gets a :class:`Material` of its own.
"""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from tracking.adapters.dogpile.shapes import ERROR, Shape, embedded_in, guess_shape
from tracking.adapters.dogpile.values import (
    Cost,
    JsonObject,
    canonical,
    cost_of,
    object_of,
    objects_of,
    open_body,
    text_of,
    time_of,
)
from tracking.cleaning import clean_name
from tracking.events import Part

SUB_RUN_STARTED, SUB_RUN_FAILED = "sub-run-started", "sub-run-failed"

# Within a millisecond: the order in which Dogpile emits.
_RANKS = {
    name: rank
    for rank, name in enumerate(
        (
            "role-assignment",
            "sub-run-queued",
            SUB_RUN_STARTED,
            "model-request",
            "model-output-chunk",
            "model-response",
            "tool-call",
            "tool-result",
            "agent-turn",
            "sub-run-completed",
            SUB_RUN_FAILED,
            "broadcast",
            "budget-stop",
            "final",
            "aborted",
            ERROR,
        )
    )
}


class Material(msgspec.Struct):
    """What was sent of one run. Lists of one kind hold each different piece once."""

    run_id: str
    parent_id: str = ""
    started: JsonObject = {}  # the parent's event that announced a sub-run
    failed: JsonObject = {}  # the parent's event that told its failure
    traces: list[JsonObject] = []
    results: list[JsonObject] = []
    logs: list[JsonObject] = []
    benchmarks: list[JsonObject] = []
    transcripts: list[JsonObject] = []
    audits: list[JsonObject] = []
    metrics: list[JsonObject] = []
    loose: list[JsonObject] = []  # events that came one by one

    @property
    def places(self) -> list[JsonObject]:
        """The pieces from the one that says most to the one that says least."""
        return [*self.traces, *self.results, *self.benchmarks, *self.audits]


def gather(
    key: str, parts: Sequence[Part], *, open_body: Callable[[bytes], JsonObject] = open_body
) -> dict[str, Material]:
    """Sort a document's parts; the run of its key is always among the result."""
    family = {key: Material(key)}
    # By body first: what is sorted after this stays in one order among equals.
    for part in sorted(parts, key=lambda part: part.body):
        value = open_body(part.body)
        shape = guess_shape(value)
        assert shape is not None  # the door let it in
        _put(family, shape, value, key)
    for material in family.values():
        _put_in_order(material)
    return family


def _put(family: dict[str, Material], shape: Shape, value: JsonObject, run_id: str) -> None:
    if shape is Shape.EVENT:
        own = clean_name(text_of(value.get("runId"))) or run_id
        parents = value.get("parentRunIds")
        if isinstance(parents, list) and parents and isinstance(parents[-1], str):
            _member(family, own).parent_id = clean_name(parents[-1])
        material = _member(family, own)
        material.loose.append(value)
        _put_embedded(family, [value], own)
        return
    material = _member(family, run_id)
    inner = object_of(value.get("trace"))
    log = value if shape is Shape.EVENT_LOG else object_of(value.get("eventLog"))
    if shape is Shape.TRACE:
        inner = value
    else:
        _list_of(material, shape).append(value)
    if inner:
        material.traces.append(inner)
    if log and shape is not Shape.EVENT_LOG:
        material.logs.append(log)
    for holder in (inner, log):
        _put_embedded(family, objects_of(holder.get("events")), run_id)


def _list_of(material: Material, shape: Shape) -> list[JsonObject]:
    return {
        Shape.RESULT: material.results,
        Shape.EVENT_LOG: material.logs,
        Shape.BENCHMARK: material.benchmarks,
        Shape.TRANSCRIPT: material.transcripts,
        Shape.AUDIT: material.audits,
        Shape.METRICS: material.metrics,
    }[shape]


def _put_embedded(family: dict[str, Material], events: Iterable[JsonObject], parent: str) -> None:
    for event in events:
        child_id = clean_name(text_of(event.get("childRunId")))
        if not child_id or child_id == parent:
            continue
        child = _member(family, child_id)
        child.parent_id = child.parent_id or parent
        if event.get("type") == SUB_RUN_STARTED:
            child.started = event
        elif event.get("type") == SUB_RUN_FAILED:
            child.failed = event
        inside = embedded_in(event)
        if inside is not None:
            _put(family, inside[0], inside[1], child_id)


def _member(family: dict[str, Material], run_id: str) -> Material:
    return family.setdefault(run_id, Material(run_id))


def _put_in_order(material: Material) -> None:
    """The best piece of each kind first, whatever the order in which they came."""
    material.traces = _distinct(material.traces, _rank_of_trace)
    material.logs = _distinct(material.logs, lambda log: (len(objects_of(log.get("events"))),))
    for name in ("results", "benchmarks", "transcripts", "audits", "metrics"):
        setattr(material, name, _distinct(getattr(material, name), lambda value: (len(value),)))
    material.loose.sort(key=_order_of_event)


def _rank_of_trace(trace: JsonObject) -> tuple[int, ...]:
    events = objects_of(trace.get("events"))
    return ("finalOutput" in trace, len(events), len(objects_of(trace.get("providerCalls"))))


def _distinct(
    values: list[JsonObject], rank: Callable[[JsonObject], tuple[int, ...]]
) -> list[JsonObject]:
    if len(values) < 2:
        return values
    by_body = {canonical(value): value for value in values}
    ordered = sorted(by_body.items(), key=lambda pair: (rank(pair[1]), pair[0]), reverse=True)
    return [value for _, value in ordered]


def _order_of_event(event: JsonObject) -> tuple[int, int, Cost, int]:
    name, index = text_of(event.get("type")), event.get("chunkIndex")
    return (
        time_of(event) or 0,
        _RANKS.get(name, len(_RANKS) // 2),
        cost_of(event.get("cost")) or Cost(),
        index if isinstance(index, int) else 0,
    )

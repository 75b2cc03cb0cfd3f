"""What all the pieces of a run say together: its settings, its events, how it ended. Pure.

Whatever several pieces tell is taken from the one that knows most: a trace over a result's own
fields, these over a benchmark's and an audit record's, and single events last.
"""

from collections.abc import Callable, Iterable, Mapping

from tracking.adapters.dogpile.gathering import Material, gather
from tracking.adapters.dogpile.missions import read_mission
from tracking.adapters.dogpile.record import (
    CANCELLED,
    COMPLETED,
    FAILED,
    FINAL,
    RUNNING,
    Agent,
    Run,
)
from tracking.adapters.dogpile.shapes import CHUNK, ERROR, MAX_SUB_RUNS
from tracking.adapters.dogpile.values import (
    JsonObject,
    canonical,
    cost_of,
    first_text,
    moment_of,
    number_of,
    object_of,
    objects_of,
    open_body,
    text_of,
    time_of,
)
from tracking.events import Part

_OUTCOMES = {
    "completed": COMPLETED,
    "budget-stopped": COMPLETED,
    "failed": FAILED,
    "error": FAILED,
    "aborted": CANCELLED,
    "cancelled": CANCELLED,
}


def build_run(
    key: str, parts: list[Part], *, open_body: Callable[[bytes], JsonObject] = open_body
) -> Run:
    """Build the run of a document, with its sub-runs below it."""
    family = gather(key, parts, open_body=open_body)
    receipts = [part.received_us for part in parts]
    first_us, latest_us = min(receipts), max(receipts)
    runs = {
        run_id: _build_one(material, first_us, latest_us) for run_id, material in family.items()
    }
    _join(runs, key)
    return runs[key]


def _join(runs: Mapping[str, Run], key: str) -> None:
    """Hang every other run below its parent; one whose ancestors lead nowhere, or too far, below
    the root."""
    for run_id, run in sorted(runs.items()):
        if run_id == key:
            continue
        parent = runs.get(run.parent_id)
        above, seen = parent, {run_id}
        while above is not None and above.run_id != key and above.run_id not in seen:
            if len(seen) >= MAX_SUB_RUNS:
                break
            seen.add(above.run_id)
            above = runs.get(above.parent_id)
        is_sound = parent is not None and above is not None and above.run_id == key
        (parent if is_sound and parent is not None else runs[key]).children.append(run)


def _build_one(material: Material, first_us: int, latest_us: int) -> Run:
    run = Run(material.run_id, first_us, latest_us, material.parent_id, material=material)
    _choose_events(run)
    _read_settings(run)
    _read_end(run)
    _read_budget(run)
    _read_transcript(run)
    run.metadata = _metadata_of(run)
    run.status = _status_of(run)
    return run


def _choose_events(run: Run) -> None:
    """Take the trace's events, else a log's, else those that came one by one: these, too, when they
    alone tell the end."""
    material, trace = run.material, run.trace
    run.provider_calls = objects_of(trace.get("providerCalls"))
    run.decisions = objects_of(trace.get("protocolDecisions"))
    holders = [*material.traces[:1], *material.logs[:1]]
    holder = next((each for each in holders if objects_of(each.get("events"))), {})
    if not _has_end(holder) and any(event.get("type") == FINAL for event in material.loose):
        holder = {}  # a piece of a trace, made before the end that was streamed
    run.events = objects_of(holder.get("events")) if holder else material.loose
    run.errors = [event for event in material.loose if event.get("type") == ERROR]
    if holder and material.loose:
        held = {canonical(event) for event in run.events}
        run.errors = [error for error in run.errors if canonical(error) not in held]
        run.n_unmatched = sum(
            event.get("type") not in (ERROR, CHUNK) and canonical(event) not in held
            for event in material.loose
        )
    elif not holder:
        run.events = [event for event in material.loose if event.get("type") != ERROR]


def _has_end(holder: JsonObject) -> bool:
    events = objects_of(holder.get("events"))
    return "finalOutput" in holder or any(event.get("type") == FINAL for event in events)


def _read_settings(run: Run) -> None:
    material, trace = run.material, run.trace
    inputs = object_of(trace.get("inputs"))
    benchmark = material.benchmarks[0] if material.benchmarks else {}
    settings = object_of(benchmark.get("reproducibility"))
    said = [*_metadata_places(run), trace, inputs, *material.audits, material.started]
    config = object_of(inputs.get("protocol")) or object_of(settings.get("protocol"))
    mission = read_mission(text_of(event.get("input")) for event in run.events)
    run.intent = first_text(
        inputs.get("intent"),
        object_of(settings.get("task")).get("intent"),
        *(place.get("intent") for place in [*material.audits, material.started]),
        mission.intent,
    )
    run.protocol = first_text(
        *(place.get("protocol") for place in [*said, *material.logs]),
        config.get("kind"),
        *(object_of(c.get("metadata")).get("protocol") for c in _requests(run)),
        mission.protocol,
    )
    nested = object_of(config.get("config"))
    run.protocol_config = nested or config
    run.tier = first_text(
        *(place.get("tier") for place in said),
        object_of(settings.get("budget")).get("tier"),
        *(object_of(c.get("metadata")).get("tier") for c in _requests(run)),
    )
    run.provider_id = first_text(
        *(place.get("modelProviderId") for place in [*said, settings]),
        *(call.get("providerId") for call in [*run.provider_calls, *run.events, *run.errors]),
        *(object_of(error.get("detail")).get("providerId") for error in run.errors),
    )
    temperatures = [inputs.get("temperature"), settings.get("temperature")]
    temperatures += [request.get("temperature") for request in _requests(run)]
    run.temperature = next((n for t in temperatures if (n := number_of(t)) is not None), None)
    run.seed = object_of(trace.get("seed"))
    if not run.seed and settings.get("seed") is not None:
        run.seed = {"source": "caller", "value": settings["seed"]}
    run.agents = _agents_of(run, [trace.get("agentsUsed"), inputs.get("agents")], settings)


def _requests(run: Run) -> list[JsonObject]:
    calls = [*run.provider_calls, *run.events]
    return [request for call in calls if (request := object_of(call.get("request")))]


def _agents_of(run: Run, lists: list[object], settings: JsonObject) -> list[Agent]:
    """The roster of the piece that has one, else those whom events name."""
    lists += [place.get("agentsUsed") for place in _metadata_places(run)]
    lists += [settings.get("agents"), *(audit.get("agents") for audit in run.material.audits)]
    roster = next((found for each in lists if (found := objects_of(each))), [])
    named = [(text_of(a.get("id")), a) for a in roster]
    entries = [entry for each in run.material.transcripts for entry in objects_of(each["entries"])]
    for each in [*run.events, *run.provider_calls, *entries]:
        named.append((text_of(each.get("agentId")), each))
        for said in objects_of(each.get("contributions")):
            named.append((text_of(said.get("agentId")), said))
    agents: dict[str, Agent] = {}
    for agent_id, said in named:
        if agent_id and agent_id not in agents:
            instructions = text_of(said.get("instructions"))
            agents[agent_id] = Agent(agent_id, text_of(said.get("role")), instructions)
    return list(agents.values())


def _read_end(run: Run) -> None:
    material = run.material
    final, output = run.final, object_of(run.trace.get("finalOutput"))
    places = [final, output, *material.results, *material.benchmarks, *material.audits]
    texts = [place.get("output") for place in places]
    run.output = first_text(*texts, *(each.get("finalOutput") for each in material.transcripts))
    run.cost = next((c for p in places if (c := cost_of(p.get("cost"))) is not None), None)
    run.quality = next((q for p in places if (q := number_of(p.get("quality"))) is not None), None)
    run.evaluation = _first_object(place.get("evaluation") for place in places)
    run.stop = object_of(final.get("termination"))
    stops = [event for event in run.events if event.get("type") == "budget-stop"]
    run.budget_stop = stops[-1] if stops else {}
    run.health = _first_object(result.get("health") for result in material.results)
    run.metrics = material.metrics
    told = [*_metadata_places(run), *material.benchmarks, *material.audits]
    starts = [moment_of(place.get("startedAt")) for place in [*told, *run.provider_calls]]
    starts += [time_of(event) for event in [*run.events, *run.errors, material.started]]
    ends = [moment_of(place.get("completedAt")) for place in [*told, output, *run.provider_calls]]
    # What failed ended with its error; one that came after the end makes nothing longer.
    ends += [time_of(event) for event in [*run.events, *([] if final or output else run.errors)]]
    run.started_us = min((moment for moment in starts if moment), default=None)
    run.completed_us = max((moment for moment in ends if moment), default=run.started_us)


def _read_budget(run: Run) -> None:
    material, budget = run.material, object_of(run.trace.get("budget"))
    holders = [*material.results, *material.benchmarks]
    run.accounting = _first_object(holder.get("accounting") for holder in holders)
    settings = [object_of(b.get("reproducibility")) for b in material.benchmarks]
    run.caps = _first_object(
        [budget.get("caps"), run.accounting.get("budget"), *(s.get("budget") for s in settings)]
    )
    run.termination_policy = _first_object(
        [budget.get("termination"), run.accounting.get("termination")]
    )
    run.budget_changes = objects_of(
        run.trace.get("budgetStateChanges", run.accounting.get("budgetStateChanges"))
    )


def _read_transcript(run: Run) -> None:
    material = run.material
    lists = [place.get("transcript") for place in material.places]
    lists += [each.get("entries") for each in material.transcripts]
    run.transcript = next((found for each in lists if (found := objects_of(each))), [])


def _metadata_places(run: Run) -> list[JsonObject]:
    return [found for r in run.material.results if (found := object_of(r.get("metadata")))]


def _metadata_of(run: Run) -> JsonObject:
    """What the caller said of the run beside Dogpile's own fields, the nearest word first."""
    places = [*_metadata_places(run)]
    for piece in run.material.places:
        settings = object_of(piece.get("reproducibility"))
        places += [piece, object_of(piece.get("metadata")), object_of(piece.get("inputs"))]
        places.append(object_of(object_of(piece.get("inputs")).get("metadata")))
        places.append(object_of(settings.get("benchmarkMetadata")))
    places += [object_of(request.get("metadata")) for request in _requests(run)]
    places += run.events[:1]
    found: JsonObject = {}
    for place in places:
        for key, value in place.items():
            if isinstance(value, str | int | float) and key not in found:
                found[key] = value
    return found


def _first_object(values: Iterable[object]) -> JsonObject:
    return next((found for value in values if (found := object_of(value))), {})


def _status_of(run: Run) -> str:
    material = run.material
    has_end = run.final or object_of(run.trace.get("finalOutput"))
    if has_end or material.results or material.benchmarks:
        return COMPLETED
    if run.troubles or any(event.get("type") == "aborted" for event in run.events):
        return _status_of_trouble(run)
    for audit in material.audits:
        outcome = object_of(audit.get("outcome"))
        return _OUTCOMES.get(text_of(outcome.get("status")), COMPLETED)
    return COMPLETED if material.transcripts else RUNNING


def _status_of_trouble(run: Run) -> str:
    details = [object_of(error.get("detail")) for error in run.troubles]
    was_aborted = any(d.get("status") == CANCELLED or d.get("code") == "aborted" for d in details)
    return CANCELLED if was_aborted or not run.troubles else FAILED

"""Does a run agree with itself? What Dogpile writes twice must be the same both times. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tracking.adapters.dogpile.record import Run
from tracking.adapters.dogpile.timeline import Timeline
from tracking.adapters.dogpile.values import (
    NO_COST,
    Cost,
    JsonObject,
    cost_of,
    count_of,
    number_of,
    object_of,
    objects_of,
    text_of,
)

NEAR_CAP_PERCENT = 90.0
TOLERANCE_USD = 1e-9


@dataclass(frozen=True, slots=True)
class Check:
    """``tone``: good or bad."""

    title: str
    text: str
    tone: str


@dataclass(frozen=True, slots=True)
class Anomaly:
    """A health finding, reported by Dogpile (0.5) or found here by its rules."""

    code: str
    severity: str  # warning | error
    text: str
    agent: str = ""


def verify_run(run: Run, line: Timeline) -> list[Check]:
    """Every check that the pieces at hand allow."""
    found = [
        *_check_transcript(run),
        *_check_totals(run),
        *_check_log(run),
        *_check_decisions(run),
        *_check_calls(run, line),
        *_check_audit(run, line),
    ]
    if run.n_unmatched:
        text = f"{run.n_unmatched:,} streamed events are not in the trace"
        found.append(Check("Streamed events are in the trace", text, "bad"))
    elif run.trace and run.material.loose:
        text = f"{len(run.material.loose):,} were streamed"
        found.append(Check("Streamed events are in the trace", text, "good"))
    return found


def _check(title: str, said: object, counted: object) -> Check:
    is_same = said == counted
    text = f"{counted}" if is_same else f"said to be {said}, but {counted} here"
    return Check(title, text, "good" if is_same else "bad")


def _check_transcript(run: Run) -> Iterator[Check]:
    links = [object_of(run.final.get("transcript")), *run.material.transcripts]
    for link in links:
        said = count_of(link.get("entryCount"))
        entries = objects_of(link.get("entries")) or run.transcript
        if said is not None and (entries or not said):
            yield _check("Entries of the transcript", said, len(entries))
            break


def _check_totals(run: Run) -> Iterator[Check]:
    totals = _totals_of(run.events)
    if len(totals) < 2:
        return
    falls = sum(
        after.tokens < before.tokens for before, after in zip(totals, totals[1:], strict=False)
    )
    text = f"over {len(totals):,} totals" if not falls else f"falls {falls:,} times"
    yield Check("The running cost never falls", text, "bad" if falls else "good")
    final = cost_of(run.final.get("cost"))
    if final is not None:
        last = totals[-2]
        same = _is_same(final, last)
        text = "equal" if same else f"{final.tokens:,} tokens, {last.tokens:,} by the last event"
        yield Check("The final cost is that of the last event", text, "good" if same else "bad")


def _totals_of(events: Sequence[JsonObject]) -> list[Cost]:
    return [cost for event in events if (cost := cost_of(event.get("cost"))) is not None]


def _is_same(a: Cost, b: Cost) -> bool:
    return a.tokens == b.tokens and abs(a.usd - b.usd) < TOLERANCE_USD


def _check_log(run: Run) -> Iterator[Check]:
    if not run.material.logs:
        return
    log = run.material.logs[0]
    events = objects_of(log.get("events"))
    types = log.get("eventTypes")
    if isinstance(types, list):
        same = types == [event.get("type") for event in events]
        text = f"{len(types):,} types" if same else "the list of types differs from the events"
        yield Check("The log's types are those of its events", text, "good" if same else "bad")
    said = count_of(log.get("eventCount"))
    if said is not None:
        yield _check("Events of the log", said, len(events))
    if run.trace:
        yield _check("Events of log and trace", len(events), len(run.events))


def _check_decisions(run: Run) -> Iterator[Check]:
    if not run.decisions:
        return
    wrong = 0
    for decision in run.decisions:
        index = count_of(decision.get("eventIndex"))
        is_there = index is not None and index < len(run.events)
        if not is_there or run.events[index or 0].get("type") != decision.get("eventType"):
            wrong += 1
    text = f"{len(run.decisions):,} decisions" if not wrong else f"{wrong:,} name another event"
    yield Check("Decisions name their events", text, "bad" if wrong else "good")


def _check_calls(run: Run, line: Timeline) -> Iterator[Check]:
    if run.cost is None or not run.provider_calls or run.children:
        return
    spent = NO_COST
    for call in line.calls:
        spent = spent.plus(cost_of(call.response.get("usage")) or NO_COST)
    yield _check("Tokens of the calls are the run's", run.cost.tokens, spent.tokens)


def _check_audit(run: Run, line: Timeline) -> Iterator[Check]:
    for audit in run.material.audits[:1]:
        said = count_of(audit.get("turnCount"))
        if said is not None and line.turns:
            yield _check("Turns of the audit record", said, len(line.turns))
        cost = cost_of(audit.get("cost"))
        if cost is not None and run.material.traces and run.cost is not None:
            yield _check("Tokens of the audit record", cost.tokens, run.cost.tokens)


def find_anomalies(run: Run, line: Timeline) -> list[Anomaly]:
    """Those that Dogpile reported, else empty turns and spent budgets found here."""
    if run.health:
        return [_reported(each) for each in objects_of(run.health.get("anomalies"))]
    found = [
        Anomaly("empty-contribution", "error", f"turn {turn.number} said nothing", turn.agent)
        for turn in line.turns
        if not turn.output.strip()
    ]
    for name, used in utilisation(run):
        if used * 100 >= NEAR_CAP_PERCENT:
            severity = "error" if used > 1 else "warning"
            text = f"{used * 100:.0f} % of {name}"
            found.append(Anomaly("budget-near-miss", severity, text))
    return found


def _reported(said: JsonObject) -> Anomaly:
    value, threshold = number_of(said.get("value")), number_of(said.get("threshold"))
    text = f"{value:g}, threshold {threshold:g}" if None not in (value, threshold) else ""
    return Anomaly(
        text_of(said.get("code")), text_of(said.get("severity")), text, text_of(said.get("agentId"))
    )


def utilisation(run: Run) -> list[tuple[str, float]]:
    """How much of each cap was used, as a share; a cap of 0 counts as not used."""
    cost = run.cost
    if cost is None:
        return []
    caps = (
        ("maxUsd", cost.usd),
        ("maxTokens", float(cost.tokens)),
        ("maxTotalTokens", float(cost.tokens)),
        ("maxInputTokens", float(cost.tokens_in)),
        ("maxOutputTokens", float(cost.tokens_out)),
    )
    found = []
    for name, used in caps:
        cap = number_of(run.caps.get(name))
        if cap is not None:
            found.append((name, used / cap if cap > 0 else 0.0))
    return found

"""A run stepped through, event by event. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from tracking.adapters.dogpile.record import RUNNING, Run
from tracking.adapters.dogpile.shapes import CHUNK
from tracking.adapters.dogpile.timeline import TURN
from tracking.adapters.dogpile.values import (
    JsonObject,
    cost_of,
    first_text,
    object_of,
    text_of,
    time_of,
)

NEIGHBOURS = 12  # events listed beside the open one


@dataclass(frozen=True, slots=True)
class Line:
    """One event in a word or two. ``level``: as Dogpile's own logger has it."""

    index: int
    type: str
    agent: str
    at: datetime
    level: str  # debug | info | warn | error
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """The open event, where it stands, and its neighbours."""

    line: Line
    event: JsonObject
    said_so_far: str  # of a chunk: the turn's text up to here
    total_usd: float | None
    total_tokens: int | None
    place: int  # from 1, among the events that match
    n_matching: int
    first: int
    last: int
    previous: int | None
    following: int | None
    lines: list[Line]


@dataclass(frozen=True, slots=True)
class Replay:
    step: Step | None
    types: list[str]
    agents: list[str]
    n_events: int


def step_through(
    run: Run, events: list[JsonObject], index: int, *, type_: str, agent: str
) -> Replay:
    """Open an event, the nearest after ``index`` that matches the filter."""
    types = sorted({text_of(event.get("type")) for event in events})
    agents = sorted({text_of(event.get("agentId")) for event in events} - {""})
    matching = [
        place
        for place, event in enumerate(events)
        if (not type_ or event.get("type") == type_)
        and (not agent or event.get("agentId") == agent)
    ]
    step = _open(run, events, matching, index) if matching else None
    return Replay(step, types, agents, len(events))


def events_of(run: Run) -> list[JsonObject]:
    """What can be stepped through: the run's events, then the errors of its stream."""
    return [*run.events, *run.errors]


def list_answers_under_way(run: Run) -> list[tuple[str, str, str]]:
    """(agent, role, text so far) of answers whose chunks came and whose turn did not yet."""
    texts: dict[str, list[str]] = {}
    roles: dict[str, str] = {}
    if run.status != RUNNING:
        return []
    for event in run.events:
        agent = text_of(event.get("agentId"))
        if event.get("type") == CHUNK:
            if not event.get("chunkIndex"):
                texts[agent] = []
            texts.setdefault(agent, []).append(text_of(event.get("text")))
            roles[agent] = text_of(event.get("role"))
        elif event.get("type") == TURN:
            texts.pop(agent, None)
    return [(agent, roles[agent], "".join(said)) for agent, said in texts.items()]


def _open(run: Run, events: Sequence[JsonObject], matching: list[int], index: int) -> Step:
    at = next((i for i, place in enumerate(matching) if place >= index), len(matching) - 1)
    start = max(0, min(at - NEIGHBOURS // 2, len(matching) - NEIGHBOURS))
    event = events[matching[at]]
    cost = cost_of(event.get("cost"))
    return Step(
        line=_line(run, matching[at], event),
        event=event,
        said_so_far=_said_so_far(events, matching[at]),
        total_usd=cost.usd if cost else None,
        total_tokens=cost.tokens if cost else None,
        place=at + 1,
        n_matching=len(matching),
        first=matching[0],
        last=matching[-1],
        previous=matching[at - 1] if at else None,
        following=matching[at + 1] if at + 1 < len(matching) else None,
        lines=[_line(run, p, events[p]) for p in matching[start : start + NEIGHBOURS]],
    )


def _line(run: Run, index: int, event: JsonObject) -> Line:
    at = datetime.fromtimestamp(run.settle(time_of(event)) / 1e6, UTC)
    agent = first_text(event.get("agentId"), event.get("childRunId"))
    return Line(index, text_of(event.get("type")), agent, at, _level(event), _gist(event))


def _level(event: JsonObject) -> str:
    name = event.get("type")
    if name == CHUNK:
        return "debug"
    if name in ("error", "sub-run-failed"):
        return "error"
    is_failed_tool = object_of(event.get("result")).get("type") == "error"
    return "warn" if name == "budget-stop" or is_failed_tool else "info"


def _gist(event: JsonObject) -> str:
    tool = object_of(event.get("tool"))
    response = object_of(event.get("response"))
    return first_text(
        event.get("text"),
        event.get("message"),
        event.get("output"),
        response.get("text"),
        tool.get("name"),
        event.get("reason"),
        event.get("intent"),
        event.get("role"),
    )


def _said_so_far(events: Sequence[JsonObject], index: int) -> str:
    """The text of a turn up to a chunk: the deltas joined, back to its first chunk."""
    event = events[index]
    if event.get("type") != CHUNK:
        return ""
    texts: list[str] = []
    for each in reversed(events[: index + 1]):
        if each.get("type") == CHUNK and each.get("agentId") == event.get("agentId"):
            texts.append(text_of(each.get("text")))
            if not each.get("chunkIndex"):
                break
    return "".join(reversed(texts))

"""What happened in a run, as calls, tools, turns and rounds with their times. Pure.

Turns say only when they ended and what the run had cost by then. Their beginning is that of the
first call, tool or chunk that belongs to them; their own cost is the difference to the running
total before, over the whole run as it is known now.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence

import msgspec

from tracking.adapters.dogpile.calls import Call, Tool, read_calls, read_tools
from tracking.adapters.dogpile.record import Run
from tracking.adapters.dogpile.shapes import CHUNK
from tracking.adapters.dogpile.values import (
    NO_COST,
    Cost,
    JsonObject,
    cost_of,
    count_of,
    object_of,
    objects_of,
    text_of,
    time_of,
)

TURN, BROADCAST = "agent-turn", "broadcast"


class Turn(msgspec.Struct):
    """One agent's turn. ``number``: its place among the agent's own turns, from 1."""

    agent: str
    role: str
    number: int
    start_us: int
    end_us: int
    input: str
    output: str
    decision: JsonObject
    delegations: list[JsonObject]  # decisions to hand something to a sub-run (0.4)
    added: Cost
    total: Cost
    event_index: int
    round: int = -1
    phase: str = ""


class Round(msgspec.Struct):
    number: int
    start_us: int
    end_us: int
    contributions: list[JsonObject]
    total: Cost


class Timeline(msgspec.Struct):
    calls: list[Call] = []
    tools: list[Tool] = []
    turns: list[Turn] = []
    rounds: list[Round] = []
    start_us: int = 0
    end_us: int = 0

    @property
    def uses(self) -> list[Call | Tool]:
        return [*self.calls, *self.tools]


def build_timeline(run: Run) -> Timeline:
    line = Timeline()
    line.turns, line.rounds = _read_turns(run)
    line.calls = read_calls(run)
    line.tools = read_tools(run)
    _assign(line)
    _begin_turns(run, line)
    times = [run.settle(run.started_us), run.settle(run.completed_us)]
    pieces: list[Call | Tool | Turn | Round] = [*line.calls, *line.tools, *line.turns, *line.rounds]
    for each in pieces:
        times += (each.start_us, each.end_us)
    if run.started_us is not None:  # receipt is no time of a run that names its own
        times = [time for time in times if time != run.received_us] or times
    line.start_us, line.end_us = min(times), max(times)
    return line


def _read_turns(run: Run) -> tuple[list[Turn], list[Round]]:
    turns: list[Turn] = []
    rounds: list[Round] = []
    numbers: dict[str, int] = defaultdict(int)
    phases = _phases_of(run)
    before, first_of_round = NO_COST, 0
    for index, event in enumerate(run.events):
        name = event.get("type")
        at_us = run.settle(time_of(event))
        total = cost_of(event.get("cost"))
        if name == TURN:
            agent = text_of(event.get("agentId"))
            numbers[agent] += 1
            total = total or before
            turns.append(
                Turn(
                    agent=agent,
                    role=text_of(event.get("role")),
                    number=numbers[agent],
                    start_us=at_us,
                    end_us=at_us,
                    input=text_of(event.get("input")),
                    output=text_of(event.get("output")),
                    decision=decision_of(event),
                    delegations=_delegations_of(event),
                    added=total.since(before),
                    total=total,
                    event_index=index,
                    phase=phases.get(index, ""),
                )
            )
        elif name == BROADCAST:
            for turn in turns[first_of_round:]:
                turn.round = len(rounds)
            rounds.append(_round_of(event, at_us, turns[first_of_round:], len(rounds)))
            first_of_round = len(turns)
        if name == "sub-run-completed":
            # The parent's next total holds what its sub-run cost: that is no turn's own.
            spent = cost_of(object_of(event.get("subResult")).get("cost"))
            before = before.plus(spent or NO_COST)
        elif total is not None:
            before = max(before, total)
    if not turns:
        turns = _turns_of_transcript(run)
    return turns, rounds


def _phases_of(run: Run) -> dict[int, str]:
    found = {}
    for decision in run.decisions:
        index, phase = count_of(decision.get("eventIndex")), text_of(decision.get("phase"))
        if index is not None and phase:
            found[index] = phase
    return found


def decision_of(event: JsonObject) -> JsonObject:
    """An agent's decision; of several delegations (0.4 allows a list) the first."""
    decision = event.get("decision")
    if isinstance(decision, list):
        return next(iter(objects_of(decision)), {})
    return object_of(decision)


def _delegations_of(event: JsonObject) -> list[JsonObject]:
    decision = event.get("decision")
    decisions = objects_of(decision) or objects_of([decision])
    return [each for each in decisions if each.get("type") == "delegate"]


def _round_of(event: JsonObject, at_us: int, turns: Sequence[Turn], index: int) -> Round:
    return Round(
        number=count_of(event.get("round")) or index + 1,
        start_us=min((turn.start_us for turn in turns), default=at_us),
        end_us=at_us,
        contributions=objects_of(event.get("contributions")),
        total=cost_of(event.get("cost")) or NO_COST,
    )


def _turns_of_transcript(run: Run) -> list[Turn]:
    """The turns of a run of which only the transcript came: no times, no costs."""
    numbers: dict[str, int] = defaultdict(int)
    turns = []
    for index, entry in enumerate(run.transcript):
        agent = text_of(entry.get("agentId"))
        numbers[agent] += 1
        at_us = run.settle(run.completed_us)
        turns.append(
            Turn(
                agent=agent,
                role=text_of(entry.get("role")),
                number=numbers[agent],
                start_us=at_us,
                end_us=at_us,
                input=text_of(entry.get("input")),
                output=text_of(entry.get("output")),
                decision=decision_of(entry),
                delegations=_delegations_of(entry),
                added=NO_COST,
                total=NO_COST,
                event_index=index,
            )
        )
    return turns


def _assign(line: Timeline) -> None:
    """A call or tool belongs to the first turn of its agent that ended after it."""
    ends: dict[str, list[int]] = defaultdict(list)
    places: dict[str, list[int]] = defaultdict(list)
    for place in sorted(range(len(line.turns)), key=lambda p: line.turns[p].end_us):
        turn = line.turns[place]
        ends[turn.agent].append(turn.end_us)
        places[turn.agent].append(place)
    for each in line.uses:
        at = bisect_left(ends[each.agent], each.end_us)
        if at < len(ends[each.agent]):
            each.turn = places[each.agent][at]


def _begin_turns(run: Run, line: Timeline) -> None:
    for each in line.uses:
        if each.turn >= 0:
            turn = line.turns[each.turn]
            turn.start_us = min(turn.start_us, each.start_us)
            if isinstance(each, Call) and not turn.phase:
                turn.phase = text_of(each.said.get("phase"))
    chunks = _first_chunks(run)
    for turn in line.turns:
        met = [at for at in chunks[turn.agent] if at <= turn.end_us]
        if met:
            chunks[turn.agent] = chunks[turn.agent][len(met) :]
            turn.start_us = min(turn.start_us, met[0])
    _find_first_tokens(run, line.calls)
    for number, round_ in enumerate(line.rounds):
        starts = [turn.start_us for turn in line.turns if turn.round == number]
        round_.start_us = min([round_.start_us, *starts])


def _first_chunks(run: Run) -> dict[str, list[int]]:
    """When each agent's answers began, by agent, in order."""
    found: dict[str, list[int]] = defaultdict(list)
    for event in [*run.events, *run.material.loose]:
        if event.get("type") == CHUNK and not event.get("chunkIndex"):
            found[text_of(event.get("agentId"))].append(run.settle(time_of(event)))
    return defaultdict(list, {agent: sorted(set(times)) for agent, times in found.items()})


def _find_first_tokens(run: Run, calls: Sequence[Call]) -> None:
    chunks = _first_chunks(run)
    for call in calls:
        within = (at for at in chunks[call.agent] if call.start_us <= at <= call.end_us)
        call.first_us = next(within, None)

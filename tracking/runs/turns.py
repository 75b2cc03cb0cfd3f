"""The transcript of a run as people read it, and who did what when. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from tracking.adapters.dogpile.calls import Call, Tool
from tracking.adapters.dogpile.record import Run
from tracking.adapters.dogpile.timeline import Round, Timeline, Turn, decision_of
from tracking.adapters.dogpile.values import (
    JsonObject,
    first_text,
    json_text,
    number_of,
    object_of,
    objects_of,
    text_of,
)
from tracking.cleaning import clean_name

PHASES = ("plan", "worker", "final-synthesis")


@dataclass(frozen=True, slots=True)
class ToolView:
    name: str
    arguments: str
    result: str | None
    is_error: bool
    code: str = ""  # of an error
    retryable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnView:
    """One turn. Lengths in ms; ``cost_usd`` and ``tokens`` are its own share of the run's."""

    place: int  # from 1
    agent: str
    role: str
    selected_role: str
    participation: str  # contribute | abstain | "" when the answer had not the four lines
    rationale: str
    contribution: str
    delegates: str  # what it handed to a sub-run
    input: str
    output: str
    phase: str
    round: int | None
    offset_ms: float | None
    duration_ms: float | None
    cost_usd: float
    tokens: int
    tools: list[ToolView] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class RoundView:
    number: int
    offset_ms: float
    duration_ms: float
    n_contributed: int
    n_abstained: int
    total_usd: float
    total_tokens: int
    contributions: list[tuple[str, str, str, str]]  # agent, role, participation, text


@dataclass(frozen=True, slots=True)
class Bar:
    """``offset`` and ``width``: shares of the run, 0 to 1. ``lead``: until the first token."""

    kind: str  # llm | tool | agent
    offset: float
    width: float
    lead: float | None
    label: str
    span_key: str
    is_error: bool


@dataclass(frozen=True, slots=True)
class Lane:
    agent: str
    role: str
    bars: list[Bar]
    busy_ms: float
    calls: int
    tokens: int
    cost_usd: float


def list_turns(run: Run, line: Timeline) -> list[TurnView]:
    tools: dict[int, list[Tool]] = {}
    for tool in line.tools:
        tools.setdefault(tool.turn, []).append(tool)
    has_times = any(turn.total.tokens or turn.total.usd for turn in line.turns) or bool(run.events)
    return [
        _turn_view(turn, place, line, tools.get(place, []), has_times=has_times)
        for place, turn in enumerate(line.turns)
    ]


def _turn_view(
    turn: Turn, place: int, line: Timeline, tools: Sequence[Tool], *, has_times: bool
) -> TurnView:
    decision = turn.decision
    round_ = line.rounds[turn.round].number if turn.round >= 0 else None
    return TurnView(
        place=place + 1,
        agent=turn.agent,
        role=turn.role,
        selected_role=text_of(decision.get("selectedRole")),
        participation=text_of(decision.get("participation")),
        rationale=text_of(decision.get("rationale")),
        contribution=text_of(decision.get("contribution")),
        delegates="; ".join(map(_delegation, turn.delegations)),
        input=turn.input,
        output=turn.output,
        phase=turn.phase,
        round=round_,
        offset_ms=(turn.start_us - line.start_us) / 1000 if has_times else None,
        duration_ms=(turn.end_us - turn.start_us) / 1000 if turn.end_us > turn.start_us else None,
        cost_usd=turn.added.usd,
        tokens=turn.added.tokens,
        tools=[tool_view(tool) for tool in tools],
    )


def _delegation(decision: JsonObject) -> str:
    return ": ".join(filter(None, map(text_of, (decision.get("protocol"), decision.get("intent")))))


def tool_view(tool: Tool) -> ToolView:
    error = tool.error
    result = tool.result.get("output", error.get("message", tool.result or None))
    return ToolView(
        name=tool.name,
        arguments="" if tool.input is None else json_text(tool.input),
        result=None if result is None else json_text(result),
        is_error=tool.has_failed,
        code=text_of(error.get("code")),
        retryable=error.get("retryable") is True,
    )


def list_rounds(line: Timeline) -> list[RoundView]:
    return [_round_view(each, line) for each in line.rounds]


def _round_view(each: Round, line: Timeline) -> RoundView:
    said = [
        (
            text_of(one.get("agentId")),
            text_of(one.get("role")),
            text_of(decision_of(one).get("participation")),
            first_text(decision_of(one).get("contribution"), one.get("output")),
        )
        for one in each.contributions
    ]
    n_abstained = sum(participation == "abstain" for _, _, participation, _ in said)
    return RoundView(
        each.number,
        (each.start_us - line.start_us) / 1000,
        (each.end_us - each.start_us) / 1000,
        len(said) - n_abstained,
        n_abstained,
        each.total.usd,
        each.total.tokens,
        said,
    )


def list_phases(turns: Sequence[TurnView]) -> list[tuple[str, int, int, float]]:
    """Phases of a coordinator that occur: name, turns, tokens, dollars."""
    return [
        (phase, len(own), sum(t.tokens for t in own), sum(t.cost_usd for t in own))
        for phase in PHASES
        if (own := [turn for turn in turns if turn.phase == phase])
    ]


def list_lanes(run: Run, line: Timeline, *, prefix: str = "") -> list[Lane]:
    """A lane an agent: its calls and tools; its turns where no call was told.

    ``prefix``: what the ids of the run's spans begin with.
    """
    names: dict[str, str] = {agent.id: agent.role for agent in run.agents}
    acting: list[Call | Tool | Turn] = [*line.uses, *line.turns]
    for each in acting:
        names.setdefault(each.agent, each.role)
    return [_lane(agent, role, line, prefix) for agent, role in names.items()]


def _lane(agent: str, role: str, line: Timeline, prefix: str) -> Lane:
    calls = [call for call in line.calls if call.agent == agent]
    turns = [turn for turn in line.turns if turn.agent == agent]
    bars = list(_bars_of_calls(calls, line)) if calls else list(_bars_of_turns(turns, line))
    for tool in line.tools:
        if tool.agent == agent:
            share = _share(tool.start_us, tool.end_us, line)
            bars.append(Bar("tool", *share, None, tool.name, tool.id, tool.has_failed))
    busy = calls or turns
    return Lane(
        agent,
        role,
        [replace(bar, span_key=clean_name(prefix + bar.span_key)) for bar in bars],
        sum(each.end_us - each.start_us for each in busy) / 1000,
        len(calls),
        sum(turn.added.tokens for turn in turns) or sum(_tokens_of(call) for call in calls),
        sum(turn.added.usd for turn in turns)
        or sum(number_of(call.response.get("costUsd")) or 0.0 for call in calls),
    )


def _tokens_of(call: Call) -> int:
    usage = object_of(call.response.get("usage"))
    total = number_of(usage.get("totalTokens"))
    return int(total) if total is not None else 0


def _bars_of_calls(calls: Sequence[Call], line: Timeline) -> Iterator[Bar]:
    for call in calls:
        offset, width = _share(call.start_us, call.end_us, line)
        lead = None
        if call.first_us is not None:
            lead = offset + _share(call.start_us, call.first_us, line)[1]
        label = f"{call.provider_id} {(call.end_us - call.start_us) / 1000:,.0f} ms"
        failed = call.response.get("finishReason") == "error"
        yield Bar("llm", offset, width, lead, label, call.id, failed)


def _bars_of_turns(turns: Sequence[Turn], line: Timeline) -> Iterator[Bar]:
    for turn in turns:
        share = _share(turn.start_us, turn.end_us, line)
        key = f"turn:{turn.agent}:{turn.number}"
        yield Bar("agent", *share, None, f"turn {turn.number}", key, is_error=False)


def _share(start_us: int, end_us: int, line: Timeline) -> tuple[float, float]:
    whole = max(1, line.end_us - line.start_us)
    return (start_us - line.start_us) / whole, (end_us - start_us) / whole


def explain_stop(run: Run) -> dict[str, object]:
    """Why the run ended: the fired condition, the cap with its limit, and firstOf's verdicts."""
    stop, budget = run.stop, run.budget_stop
    detail = object_of(stop.get("detail")) or object_of(budget.get("detail"))
    first = object_of(stop.get("firstOf"))
    return {
        "reason": text_of(stop.get("reason")) or ("budget" if budget else ""),
        "fired": describe_condition(object_of(stop.get("firedCondition"))),
        "root": describe_condition(object_of(stop.get("rootCondition"))),
        "judge": text_of(stop.get("judgeReason")),
        "cap": text_of(detail.get("cap")),
        "limit": number_of(detail.get("limit")),
        "observed": number_of(detail.get("observed")),
        "detail": {k: v for k, v in detail.items() if k not in ("cap", "limit", "observed")},
        "iteration": number_of(budget.get("iteration")),
        "elapsed_ms": number_of(budget.get("elapsedMs")),
        "winner": number_of(first.get("winningConditionIndex")),
        "winning": describe_condition(object_of(first.get("winningCondition"))),
        "verdicts": [_verdict(each) for each in objects_of(first.get("evaluated"))],
    }


def _verdict(said: JsonObject) -> tuple[str, str, str]:
    """(condition, stop or continue, reason) of a child of firstOf."""
    condition = describe_condition(object_of(said.get("condition")))
    reason = first_text(said.get("normalizedReason"), said.get("reason"))
    return condition, text_of(said.get("type")), reason


def describe_condition(condition: JsonObject) -> str:
    """budget (maxTokens 200) · judge (minScore 0.8: Is it shippable?) · first of: …"""
    kind = text_of(condition.get("kind"))
    if kind == "firstOf":
        children = [describe_condition(each) for each in objects_of(condition.get("conditions"))]
        return f"first of: {'; '.join(children)}"
    told = [
        f"{name} {value:g}"
        for name, raw in condition.items()
        if (value := number_of(raw)) is not None
    ]
    rubric = condition.get("rubric")
    if rubric:
        told.append(json_text(rubric))
    return f"{kind} ({', '.join(told)})" if told else kind

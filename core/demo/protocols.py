"""How agents work on one of the demo's missions, by each protocol of Dogpile."""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from core.demo.recording import Agent, Json, Recording


@dataclass(frozen=True, slots=True)
class Mission:
    """``says[agent][0]`` is said first, ``[1]`` when asked again."""

    key: str
    intent: str
    level: str
    query: str
    rubric: str
    agents: tuple[Agent, ...]
    says: tuple[tuple[str, str], ...]

    @property
    def answer(self) -> str:
        return self.says[0][1]


@cache
def texts() -> dict[str, Any]:  # the file's tables differ in shape
    return tomllib.loads((files("core.demo") / "missions.toml").read_text("utf-8"))


@cache
def missions() -> dict[str, Mission]:
    found = {}
    for said in texts()["mission"]:
        agents = tuple(
            Agent(f"agent-{number}", each["role"], each["instructions"])
            for number, each in enumerate(said["agent"], 1)
        )
        about = {name: said[name] for name in ("key", "intent", "level", "query", "rubric")}
        says = tuple((first, second) for first, second in (each["says"] for each in said["agent"]))
        found[said["key"]] = Mission(**about, agents=agents, says=says)
    return found


def is_spent(run: Recording) -> bool:
    """Stop the run when a cap is reached: caps are looked at between turns, so it is overspent."""
    total = run.tokens_in + run.tokens_out
    limit = run.caps.get("maxTokens")
    if limit is None or total < limit:
        return False
    run.stop_for_budget("tokens", {"cap": "maxTokens", "limit": limit, "observed": total})
    return True


def _prompt(run: Recording) -> str:
    parts = [f"Mission: {run.intent}"]
    if run.transcript:
        said = [f"{one['role']} ({one['agentId']}): {one['output']}" for one in run.transcript]
        parts.append("Prior contributions:\n" + "\n".join(said))
    return "\n\n".join(parts)


def sequential(run: Recording, mission: Mission) -> str:
    """One after the other, each knowing what was said; the last word is the planner's answer."""
    run.assign_roles()
    lines = [*zip(run.agents, (first for first, _ in mission.says), strict=True)]
    for number, (agent, text) in enumerate([*lines, (run.agents[0], mission.answer)], 1):
        prompt = _prompt(run)
        run.ms = run.call(agent, prompt, text, begun_ms=run.ms, where={"turn": number})
        if number == 1:
            run.use_tool(agent, "webSearch", {"query": mission.query}, _found(mission.query))
        run.take_turn(agent, prompt, text, where={})
        if is_spent(run):
            return text
    return mission.answer


def _found(query: str) -> Json:
    results = [
        {"title": f"{query.capitalize()} ({year})", "url": f"https://shops.example/{year}"}
        for year in (2025, 2024)
    ]
    return {"type": "success", "output": {"results": results}}


def coordinator(run: Recording, mission: Mission) -> str:
    """The first agent plans, the others work beside each other, the first brings it together."""
    run.assign_roles()
    lead, *workers = run.agents
    plan(run, lead, mission.says[0][0])
    if is_spent(run):
        return mission.says[0][0]
    if run.rng.random() < 0.5:
        run.use_tool(workers[0], "codeExec", {"language": "python", "code": "summarise()"}, BROKEN)
    _beside(run, workers, [first for first, _ in mission.says[1:]], where={"phase": "worker"})
    if is_spent(run):
        return mission.says[0][0]
    synthesise(run, lead, mission.answer)
    return mission.answer


BROKEN = {
    "type": "error",
    "error": {
        "code": "timeout",
        "message": "The sandbox gave no answer within 5000 ms.",
        "retryable": True,
    },
}


def plan(run: Recording, lead: Agent, text: str, *, decision: Json | None = None) -> None:
    prompt, where = _prompt(run), {"phase": "plan"}
    run.ms = run.call(lead, prompt, text, begun_ms=run.ms, where=where)
    run.take_turn(lead, prompt, text, where=where, decision=decision)


def synthesise(run: Recording, lead: Agent, text: str) -> None:
    prompt, where = _prompt(run), {"phase": "final-synthesis"}
    run.ms = run.call(lead, prompt, text, begun_ms=run.ms, where=where)
    run.take_turn(lead, prompt, text, where=where)


def _beside(
    run: Recording,
    agents: Sequence[Agent],
    said: Sequence[str],
    *,
    where: Json,
    decisions: Sequence[Json] = (),
) -> None:
    """All at once; turns are recorded afterwards, in the order of the agents."""
    prompt, begun_ms = _prompt(run), run.ms
    ends = [
        run.call(agent, prompt, text, begun_ms=begun_ms + place * 3, where=where)
        for place, (agent, text) in enumerate(zip(agents, said, strict=True))
    ]
    run.ms = max(ends)
    for place, (agent, text) in enumerate(zip(agents, said, strict=True)):
        decision = decisions[place] if decisions else None
        run.take_turn(agent, prompt, text, where=where, decision=decision)


def broadcast(run: Recording, mission: Mission, rounds: int = 2) -> str:
    """Rounds in which all speak at once; in the second some have nothing to add."""
    run.assign_roles()
    said: list[str] = []
    for number in range(rounds):
        decisions = [
            _decide(agent, text[number], abstains=number > 0 and agent is run.agents[-1])
            for agent, text in zip(run.agents, mission.says, strict=True)
        ]
        said = [_labelled(each) for each in decisions]
        where = {"round": number + 1}
        _beside(run, run.agents, said, where=where, decisions=decisions)
        run.collect_round(number + 1, run.transcript[-len(run.agents) :])
        if is_spent(run):
            break
    return "\n".join(
        f"{agent.role}:{agent.id} => {text}" for agent, text in zip(run.agents, said, strict=True)
    )


def shared(run: Recording, mission: Mission) -> str:
    """Everybody writes into one memory, once."""
    return broadcast(run, mission, rounds=1)


def _decide(agent: Agent, text: str, *, abstains: bool) -> Json:
    return {
        "selectedRole": "observer" if abstains else agent.role,
        "participation": "abstain" if abstains else "contribute",
        "rationale": "What I had to say was said." if abstains else agent.instructions,
        "contribution": text,
    }


def _labelled(decision: Json) -> str:
    """As agents write it: four labels, which Dogpile reads back."""
    return (
        f"role_selected: {decision['selectedRole']}\n"
        f"participation: {decision['participation']}\n"
        f"rationale: {decision['rationale']}\n"
        f"contribution:\n{decision['contribution']}"
    )


PROTOCOLS: dict[str, tuple[Json, Callable[[Recording, Mission], str]]] = {
    "sequential": ({"kind": "sequential", "maxTurns": 4}, sequential),
    "coordinator": ({"kind": "coordinator", "maxTurns": 4}, coordinator),
    "broadcast": ({"kind": "broadcast", "maxRounds": 2}, broadcast),
    "shared": ({"kind": "shared", "maxTurns": 3}, shared),
}

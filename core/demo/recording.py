"""A run of Dogpile while it is written down: its events, and the trace they become (0.3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

Json = dict[str, Any]  # any JSON object

TEMPERATURES = {"fast": 0, "balanced": 0.2, "quality": 0.4}
USD_A_MILLION = {
    "openai:gpt-4o": (2.5, 10.0),
    "openai:gpt-4o-mini": (0.15, 0.6),
    "anthropic:claude-sonnet-4-5": (3.0, 15.0),
}
TOKENS_A_SECOND = 70


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(frozen=True, slots=True)
class Agent:
    id: str
    role: str
    instructions: str

    @property
    def spec(self) -> Json:
        return {"id": self.id, "role": self.role, "instructions": self.instructions}

    @property
    def named(self) -> Json:
        return {"agentId": self.id, "role": self.role}


@dataclass(slots=True)
class Recording:
    """The state of a run: ``ms`` since it began, its totals so far, and all that was written.

    Totals and turns move together, as Dogpile counts a call when its turn is recorded.
    """

    intent: str
    protocol: Json  # kind, and the protocol's own settings
    tier: str
    model: str  # provider and name, with a colon between
    agents: Sequence[Agent]
    began_at: datetime
    rng: Random
    caps: Json = field(default_factory=dict)
    termination: Json = field(default_factory=dict)
    run_id: str = ""
    ms: float = 0.0
    usd: float = 0.0
    tokens_in: int = 0
    tokens_out: int = 0
    events: list[Json] = field(default_factory=list)
    decisions: list[Json] = field(default_factory=list)
    calls: list[Json] = field(default_factory=list)
    changes: list[Json] = field(default_factory=list)
    transcript: list[Json] = field(default_factory=list)
    n_tools: int = 0

    def __post_init__(self) -> None:
        self.run_id = self.run_id or str(UUID(int=self.rng.getrandbits(128), version=4))

    @property
    def cost(self) -> Json:
        return {
            "usd": round(self.usd, 8),
            "inputTokens": self.tokens_in,
            "outputTokens": self.tokens_out,
            "totalTokens": self.tokens_in + self.tokens_out,
        }

    @property
    def now(self) -> str:
        return self.at(self.ms)

    def at(self, ms: float) -> str:
        return stamp(self.began_at + timedelta(milliseconds=ms))

    def emit(self, event_type: str, decision: str = "", *, said: Json, decided: Json) -> None:
        """Write an event, and what was decided with it; ``decided`` is the decision's own."""
        index = len(self.events)
        self.events.append({"type": event_type, "runId": self.run_id, "at": self.now, **said})
        if decision:
            base = {"kind": "replay-trace-protocol-decision", "eventIndex": index}
            base |= {"eventType": event_type, "protocol": self.protocol["kind"]}
            self.decisions.append(base | {"decision": decision, "at": self.now, **decided})

    def note_change(self, **more: Any) -> None:  # any JSON
        event = self.events[-1]
        self.changes.append(
            {
                "kind": "replay-trace-budget-state-change",
                "eventIndex": len(self.events) - 1,
                "eventType": event["type"],
                "at": event["at"],
                "cost": self.cost,
                **more,
            }
        )

    def assign_roles(self) -> None:
        for agent in self.agents:
            self.emit("role-assignment", "assign-role", said=agent.named, decided=agent.named)
            self.ms += 1

    def call(self, agent: Agent, prompt: str, text: str, *, begun_ms: float, where: Json) -> float:
        """Write a call of the provider and return when it ended, in ms since the run began."""
        messages = [
            {"role": "system", "content": f"You are the {agent.role}. {agent.instructions}"},
            {"role": "user", "content": prompt},
        ]
        tokens = {
            "inputTokens": sum(len(each["content"]) for each in messages) // 4,
            "outputTokens": len(text) // 4,
        }
        rates = USD_A_MILLION.get(self.model, (1.0, 4.0))
        usd = sum(n * rate for n, rate in zip(tokens.values(), rates, strict=True)) / 1e6
        ended_ms = begun_ms + 350 + tokens["outputTokens"] / TOKENS_A_SECOND * 1000
        ended_ms *= 1 + 0.05 * self.rng.random()
        metadata = {"runId": self.run_id, "protocol": self.protocol["kind"], "tier": self.tier}
        self.calls.append(
            {
                "kind": "replay-trace-provider-call",
                "callId": f"{self.run_id}:provider-call:{len(self.calls) + 1}",
                "providerId": self.model,
                "startedAt": self.at(begun_ms),
                "completedAt": self.at(ended_ms),
                **agent.named,
                "request": {
                    "messages": messages,
                    "temperature": TEMPERATURES[self.tier],
                    "metadata": metadata | agent.named | where,
                },
                "response": {
                    "text": text,
                    "finishReason": "stop",
                    "usage": tokens | {"totalTokens": sum(tokens.values())},
                    "costUsd": round(usd, 8),
                },
            }
        )
        return ended_ms

    def take_turn(
        self, agent: Agent, prompt: str, text: str, *, where: Json, decision: Json | None = None
    ) -> None:
        """Record the turn of an agent whose call, the last of its own, is written already."""
        call = next(each for each in reversed(self.calls) if each["agentId"] == agent.id)
        usage = call["response"]["usage"]
        self.usd += call["response"]["costUsd"]
        self.tokens_in += usage["inputTokens"]
        self.tokens_out += usage["outputTokens"]
        said = agent.named | {"input": prompt, "output": text}
        own = {"decision": decision} if decision else {}
        self.transcript.append(said | own)
        turn = {"transcriptEntryCount": len(self.transcript), "cost": self.cost}
        self.emit(
            "agent-turn",
            "select-agent-turn",
            said=said | own | {"cost": self.cost},
            decided=said | turn | {"turn": len(self.transcript)} | where,
        )
        self.note_change()
        self.ms += 1

    def use_tool(self, agent: Agent, name: str, given: Json, result: Json) -> None:
        """Write a tool's call and its result, a quarter of a second apart."""
        self.n_tools += 1
        call_id = f"{self.run_id}:tool-{self.n_tools}"
        tool = {"id": f"dogpile.{name}", "name": name, "namespace": "dogpile", "version": "1.0.0"}
        told = agent.named | {"toolCallId": call_id, "tool": tool}
        self.emit("tool-call", "start-tool-call", said=told | {"input": given}, decided=told)
        self.ms += 250
        result = {"toolCallId": call_id, "tool": tool, **result}
        self.emit("tool-result", "complete-tool-call", said=told | {"result": result}, decided=told)

    def collect_round(self, number: int, entries: Sequence[Json]) -> None:
        names = ("agentId", "role", "output", "decision")
        contributions = [{k: each[k] for k in names if k in each} for each in entries]
        self.emit(
            "broadcast",
            "collect-broadcast-round",
            said={"round": number, "contributions": contributions, "cost": self.cost},
            decided={"round": number, "contributionCount": len(entries), "cost": self.cost},
        )
        self.note_change()

    def stop_for_budget(self, reason: str, detail: Json) -> None:
        iteration = len(self.transcript)
        elapsed = {"iteration": iteration, "elapsedMs": round(self.ms, 2)}
        said = {"reason": reason, "cost": self.cost, **elapsed, "detail": detail}
        decided = {"budgetReason": reason, "cost": self.cost, "transcriptEntryCount": iteration}
        self.emit("budget-stop", "stop-for-budget", said=said, decided=decided)
        self.note_change(budgetReason=reason, **elapsed)

    def finish(self, output: str, **more: Any) -> None:  # quality, evaluation, termination
        n_entries = len(self.transcript)
        link = {"kind": "trace-transcript", "entryCount": n_entries}
        link["lastEntryIndex"] = n_entries - 1 if n_entries else None
        self.ms += 4
        self.emit(
            "final",
            "finalize-output",
            said={"output": output, "cost": self.cost, "transcript": link, **more},
            decided={"output": output, "cost": self.cost, "transcriptEntryCount": n_entries},
        )
        self.note_change()

    def trace(self) -> Json:
        final = self.events[-1]
        specs = [agent.spec for agent in self.agents]
        return {
            "schemaVersion": "1.0",
            "runId": self.run_id,
            "protocol": self.protocol["kind"],
            "tier": self.tier,
            "modelProviderId": self.model,
            "agentsUsed": specs,
            "inputs": {
                "kind": "replay-trace-run-inputs",
                "intent": self.intent,
                "protocol": self.protocol,
                "tier": self.tier,
                "modelProviderId": self.model,
                "agents": specs,
                "temperature": TEMPERATURES[self.tier],
            },
            "budget": {"kind": "replay-trace-budget", "tier": self.tier, **self._limits()},
            "budgetStateChanges": self.changes,
            "seed": {"kind": "replay-trace-seed", "source": "none", "value": None},
            "protocolDecisions": self.decisions,
            "providerCalls": self.calls,
            "finalOutput": {
                "kind": "replay-trace-final-output",
                "output": final["output"],
                "cost": self.cost,
                "completedAt": final["at"],
                "transcript": final["transcript"],
            },
            "events": self.events,
            "transcript": self.transcript,
        }

    def _limits(self) -> Json:
        limits = {"caps": self.caps, "termination": self.termination}
        return {name: value for name, value in limits.items() if value}

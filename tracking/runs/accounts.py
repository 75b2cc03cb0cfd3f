"""What a run's audit record, or a snapshot of its metrics, says of the whole run. Pure."""

from dataclasses import dataclass

from tracking.adapters import json_values
from tracking.adapters.json_values import JsonObject

AGENTS_SHOWN = 200


@dataclass(frozen=True, slots=True)
class AgentTurns:
    id: str
    role: str
    n_turns: int | None


@dataclass(frozen=True, slots=True)
class Account:
    """Numbers are None where the record does not say them."""

    outcome: str
    code: str  # why it ended so
    n_turns: int | None
    tokens_in: int | None
    tokens_out: int | None
    cost_usd: float | None
    duration_ms: float | None
    agents: list[AgentTurns]
    record: JsonObject  # as it was sent


def read_audit(record: JsonObject) -> Account:
    """Dogpile's audit record, version 1."""
    outcome, cost = json_values.obj(record.get("outcome")), json_values.obj(record.get("cost"))
    start_us = json_values.moment_us(record.get("startedAt"))
    end_us = json_values.moment_us(record.get("completedAt"))
    return Account(
        outcome=json_values.text(outcome.get("status")),
        code=json_values.text(outcome.get("terminationCode")),
        n_turns=json_values.count(record.get("turnCount")),
        tokens_in=json_values.count(cost.get("inputTokens")),
        tokens_out=json_values.count(cost.get("outputTokens")),
        cost_usd=json_values.number(cost.get("usd")),
        duration_ms=(end_us - start_us) / 1000 if start_us and end_us else None,
        agents=[
            AgentTurns(
                json_values.text(agent.get("id")),
                json_values.text(agent.get("role")),
                json_values.count(agent.get("turnCount")),
            )
            for agent in json_values.objects(record.get("agents"))[:AGENTS_SHOWN]
        ],
        record=record,
    )


def read_snapshot(record: JsonObject) -> Account:
    """A snapshot of metrics; totals hold what runs below it used as well."""
    return Account(
        outcome=json_values.text(record.get("outcome")),
        code="",
        n_turns=json_values.count(record.get("turns")),
        tokens_in=json_values.count(record.get("totalInputTokens", record.get("inputTokens"))),
        tokens_out=json_values.count(record.get("totalOutputTokens", record.get("outputTokens"))),
        cost_usd=json_values.number(record.get("totalCostUsd", record.get("costUsd"))),
        duration_ms=json_values.number(record.get("durationMs")),
        agents=[],
        record=record,
    )

"""Decisions and errors as rows that pages show: every field is there, of one type. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracking.adapters.dogpile.values import (
    JsonObject,
    cost_of,
    count_of,
    first_text,
    number_of,
    object_of,
    text_of,
)


@dataclass(frozen=True, slots=True)
class DecisionRow:
    event_index: int | None
    event_type: str
    decision: str
    agent: str
    role: str
    where: str  # phase, turn, round
    about: str  # a tool, a cap, a call
    entries: int | None
    tokens: int | None  # the run's total by then, as is the money
    usd: float | None


@dataclass(frozen=True, slots=True)
class ErrorRow:
    code: str
    name: str
    message: str
    provider: str
    is_retryable: bool
    timeout_ms: float | None


def list_decisions(decisions: Sequence[JsonObject]) -> list[DecisionRow]:
    return [_decision(each) for each in decisions]


def _decision(said: JsonObject) -> DecisionRow:
    cost = cost_of(said.get("cost"))
    told = [text_of(said.get("phase"))]
    for name in ("turn", "round"):
        number = count_of(said.get(name))
        told.append(f"{name} {number}" if number is not None else "")
    return DecisionRow(
        event_index=count_of(said.get("eventIndex")),
        event_type=text_of(said.get("eventType")),
        decision=text_of(said.get("decision")),
        agent=text_of(said.get("agentId")),
        role=text_of(said.get("role")),
        where=", ".join(filter(None, told)),
        about=first_text(
            object_of(said.get("tool")).get("name"),
            said.get("budgetReason"),
            said.get("callId"),
            said.get("childRunId"),
        ),
        entries=count_of(said.get("transcriptEntryCount")),
        tokens=cost.tokens if cost else None,
        usd=cost.usd if cost else None,
    )


def list_errors(errors: Sequence[JsonObject]) -> list[ErrorRow]:
    return [_error(each) for each in errors]


def _error(said: JsonObject) -> ErrorRow:
    detail = object_of(said.get("detail"))
    return ErrorRow(
        code=text_of(detail.get("code")),
        name=first_text(said.get("name")) or "error",
        message=text_of(said.get("message")),
        provider=text_of(detail.get("providerId")),
        is_retryable=detail.get("retryable") is True,
        timeout_ms=number_of(detail.get("timeoutMs")),
    )

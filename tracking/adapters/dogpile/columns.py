"""What stands in the columns and payloads of a run's spans. Pure."""

from typing import Any

import msgspec

from tracking.adapters.dogpile.calls import Call
from tracking.adapters.dogpile.record import COMPLETED, Run
from tracking.adapters.dogpile.timeline import Turn
from tracking.adapters.dogpile.values import (
    NO_COST,
    Cost,
    JsonObject,
    first_text,
    json_text,
    number_of,
    object_of,
    objects_of,
    text_of,
)
from tracking.cleaning import clean_name
from tracking.events import Payload, Status

GREATEST_USD = 1e15  # what is no cost of a call any more is told of when it is priced

_SESSION_KEYS = ("sessionId", "session_id", "conversationId")
_USER_KEYS = ("userId", "user_id", "customerId")
_ENVIRONMENT_KEYS = ("environment", "env")
_ARM_KEYS = (
    ("assay.experiment", "assay.variant"),
    ("experimentId", "variantId"),
    ("experiment", "variant"),
)


class Owner(msgspec.Struct, frozen=True):
    """What all events of a document have in common."""

    trace_id: str
    session: str
    user: str
    environment: str
    arms: tuple[tuple[str, str], ...]


def owner_of(run: Run) -> Owner:
    return Owner(
        trace_id=run.run_id,
        session=_named(run.metadata, _SESSION_KEYS),
        user=_named(run.metadata, _USER_KEYS),
        environment=_named(run.metadata, _ENVIRONMENT_KEYS),
        arms=_arms_of(run.metadata),
    )


def _named(metadata: JsonObject, keys: tuple[str, ...]) -> str:
    return clean_name(first_text(*(metadata.get(key) for key in keys)))


def _arms_of(metadata: JsonObject) -> tuple[tuple[str, str], ...]:
    pairs = [(text_of(metadata.get(a)), text_of(metadata.get(b))) for a, b in _ARM_KEYS]
    return tuple(sorted({(clean_name(a), clean_name(b)) for a, b in pairs if a and b}))


def stop_reason(run: Run) -> str:
    """Why it ended, in Dogpile's normalised words: budget:tokens, judge:accepted, …"""
    reason = text_of(run.stop.get("normalizedReason"))
    if reason:
        return reason
    budget = text_of(run.budget_stop.get("reason"))
    if budget:
        return f"budget:{budget}"
    for audit in run.material.audits:
        outcome = object_of(audit.get("outcome"))
        code = text_of(outcome.get("terminationCode"))
        if code:
            return f"budget:{code}" if outcome.get("status") == "budget-stopped" else code
    return ""


def usage_columns(cost: Cost) -> dict[str, Any]:  # columns of IncomingEvent
    if cost == NO_COST:
        return {}
    return {
        "tokens_in": cost.tokens_in,
        "tokens_out": cost.tokens_out,
        "cost_reported": money_of(cost.usd),
    }


def money_of(usd: float | None) -> float | None:
    return float(usd) if usd is not None and 0 <= usd < GREATEST_USD else None


def score_of(benchmark: JsonObject) -> float | None:
    return number_of(object_of(benchmark.get("score")).get("score"))


def participation_tags(decision: JsonObject) -> tuple[str, ...]:
    said = text_of(decision.get("participation"))
    return (clean_name(said),) if said else ()


def status_of_call(response: JsonObject) -> Status:
    return Status.ERROR if response.get("finishReason") == "error" else Status.OK


def payload_of_call(call: Call) -> Payload:
    request, response = call.request, call.response
    messages = request.get("messages")
    text = response.get("text")
    rest = {k: v for k, v in response.items() if k not in ("text", "usage", "costUsd")}
    attributes = {
        "dogpile.call_id": call.id,
        "dogpile.provider_id": call.provider_id,
        "dogpile.agent": call.agent,
        "dogpile.role": call.role,
        "gen_ai.request.temperature": request.get("temperature"),
        "dogpile.request": call.said or None,
        "dogpile.response": rest or None,
    }
    return Payload(
        input=None if messages is None else json_text(messages),
        output=output_of(text, objects_of(response.get("toolRequests"))),
        attributes={name: value for name, value in attributes.items() if value not in (None, "")},
    )


def output_of(text: object, requests: list[JsonObject]) -> str | None:
    """The answer as it is; with requests for tools as a message that holds them."""
    if not requests:
        return text if isinstance(text, str) else None
    calls = [
        {
            "id": text_of(each.get("toolCallId")),
            "name": text_of(each.get("toolId")),
            "arguments": json_text(each.get("input")),
        }
        for each in requests
    ]
    return json_text([{"role": "assistant", "content": text_of(text), "tool_calls": calls}])


def slim(event: JsonObject) -> JsonObject:
    """An event without the whole run that a sub-run's end carries: that has spans of its own."""
    return {k: v for k, v in event.items() if k not in ("subResult", "partialTrace")}


def trouble_of(run: Run) -> JsonObject:
    """The last error of a run that did not complete."""
    troubles = run.troubles if run.status != COMPLETED else []
    return troubles[-1] if troubles else {}


def run_attributes(run: Run) -> dict[str, object]:
    own = {
        "dogpile.run_id": run.run_id,
        "dogpile.parent_run_id": run.parent_id,
        "dogpile.status": run.status,
        "dogpile.provider_id": run.provider_id,
        "dogpile.agents": [agent.id for agent in run.agents],
        "dogpile.seed": run.seed.get("value"),
        "dogpile.temperature": run.temperature,
        "dogpile.caps": run.caps,
        "dogpile.evaluation": run.evaluation,
    }
    return {name: value for name, value in own.items() if value not in (None, "", {}, [])}


def turn_attributes(turn: Turn) -> dict[str, object]:
    own = {
        "dogpile.agent": turn.agent,
        "dogpile.role": turn.role,
        "dogpile.turn": turn.number,
        "dogpile.phase": turn.phase,
        "dogpile.participation": text_of(turn.decision.get("participation")),
        "dogpile.rationale": text_of(turn.decision.get("rationale")),
        "dogpile.decision": text_of(turn.decision.get("type")),
    }
    return {name: value for name, value in own.items() if value}

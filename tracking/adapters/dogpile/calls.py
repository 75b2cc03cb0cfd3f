"""What a run used: its calls of models and tools, with their times. Pure."""

import msgspec

from tracking.adapters.dogpile.record import Run
from tracking.adapters.dogpile.values import (
    JsonObject,
    first_text,
    moment_of,
    object_of,
    objects_of,
    text_of,
    time_of,
)


class Call(msgspec.Struct):
    """One call of a model. ``turn``: the place of its turn among the turns, -1 without one."""

    id: str
    agent: str
    role: str
    provider_id: str
    model_id: str
    start_us: int
    end_us: int
    request: JsonObject
    response: JsonObject
    is_open: bool  # no response was seen
    first_us: int | None = None  # its first chunk
    turn: int = -1

    @property
    def said(self) -> JsonObject:
        """What the protocol wrote about the call: turn, round or phase."""
        return object_of(self.request.get("metadata"))


class Tool(msgspec.Struct):
    id: str
    name: str
    agent: str
    role: str
    start_us: int
    end_us: int
    identity: JsonObject
    input: object
    result: JsonObject
    turn: int = -1

    @property
    def error(self) -> JsonObject:
        failed = self.result.get("type") == "error"
        return object_of(self.result.get("error")) if failed else {}

    @property
    def has_failed(self) -> bool:
        return self.result.get("type") == "error"


def read_calls(run: Run) -> list[Call]:
    """Provider calls of the trace; calls it does not hold from the request and response events."""
    merged: dict[str, JsonObject] = {}
    for number, said in enumerate(run.provider_calls, 1):
        merged[text_of(said.get("callId")) or f"call:{number}"] = said
    known = set(merged)
    for event in run.events:
        call_id = text_of(event.get("callId"))
        if event.get("type") in ("model-request", "model-response") and call_id not in known:
            before = merged.get(call_id or "call:", {})
            times = {} if "startedAt" in event or "startedAt" in before else _times_of(event)
            merged[call_id or "call:"] = {**before, **times, **event}
    return [_call_of(run, call_id, said) for call_id, said in merged.items()]


def _times_of(event: JsonObject) -> JsonObject:
    """Events of 0.3 have ``at``: the request's is the start, the response's the end."""
    name = "startedAt" if event.get("type") == "model-request" else "completedAt"
    return {name: event.get("at")}


def _call_of(run: Run, call_id: str, said: JsonObject) -> Call:
    response = object_of(said.get("response"))
    ended = moment_of(said.get("completedAt")) or (moment_of(said.get("at")) if response else None)
    started = moment_of(said.get("startedAt")) or ended or time_of(said)
    start_us = run.settle(started)
    return Call(
        id=call_id,
        agent=text_of(said.get("agentId")),
        role=text_of(said.get("role")),
        provider_id=first_text(said.get("providerId"), run.provider_id),
        model_id=text_of(said.get("modelId")),
        start_us=start_us,
        end_us=max(start_us, run.settle(ended) if ended else start_us),
        request=object_of(said.get("request")),
        response=response,
        is_open=not response,
    )


def read_tools(run: Run) -> list[Tool]:
    tools: dict[str, Tool] = {}
    for number, event in enumerate(run.events):
        if event.get("type") in ("tool-call", "tool-result"):
            _put_tool(tools, event, run.settle(time_of(event)), number)
    for entry in run.transcript:
        for use in objects_of(entry.get("toolCalls")):
            agent = {"agentId": entry.get("agentId"), "role": entry.get("role")}
            call_id = text_of(use.get("toolCallId"))
            if not call_id or call_id not in tools:
                at_us = run.settle(run.completed_us)
                _put_tool(tools, {**agent, **use}, at_us, len(tools))
    return list(tools.values())


def _put_tool(tools: dict[str, Tool], said: JsonObject, at_us: int, number: int) -> None:
    result, identity = object_of(said.get("result")), object_of(said.get("tool"))
    call_id = text_of(said.get("toolCallId")) or f"tool:{number}"
    tool = tools.get(call_id)
    if tool is None:
        tool = tools[call_id] = Tool(
            id=call_id,
            name=first_text(identity.get("name"), identity.get("id")) or "tool",
            agent=text_of(said.get("agentId")),
            role=text_of(said.get("role")),
            start_us=at_us,
            end_us=at_us,
            identity=identity,
            input=said.get("input"),
            result=result,
        )
    if said.get("type") == "tool-call":
        tool.start_us, tool.input = min(tool.start_us, at_us), said.get("input")
    if result:
        tool.end_us, tool.result = max(tool.end_us, at_us), result

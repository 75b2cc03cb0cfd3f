"""A session of the demo to OpenTelemetry spans, one trace a turn, as an instrumented agent sends.

Session, user and arm are named on the root span alone, as an application would: what they mean for
the spans below is Assay's to work out.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

import msgspec
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from core.demo.audience import SessionPlan
from core.demo.dialogue import Dialogue, Failure, ToolUse, Turn
from core.demo.material import material

Value = str | int | float | list[str]
MS = 1_000_000


@dataclass(slots=True)
class Thread:
    """A session while it is written: the clock, and what the model has seen so far."""

    plan: SessionPlan
    dialogue: Dialogue
    rng: Random
    at_ns: int
    messages: list[dict[str, object]] = field(default_factory=list)


def spans_of_session(
    plan: SessionPlan, dialogue: Dialogue, *, now: datetime, rng: Random
) -> Iterator[Span]:
    """Yield the spans of all turns that end before ``now``."""
    thread = Thread(plan, dialogue, rng, int(plan.started_at.timestamp() * 1000) * MS)
    latest_ns = int((now - timedelta(minutes=1)).timestamp() * 1000) * MS
    for turn in dialogue.turns:
        thread.at_ns += int(turn.pause_s * 1000) * MS
        spans = _turn(thread, turn)
        if thread.at_ns > latest_ns:
            return
        yield from spans


def _turn(thread: Thread, turn: Turn) -> list[Span]:
    """Write one turn and move the clock to its end."""
    trace_id = thread.rng.randbytes(16)
    root = _open(thread, trace_id, b"", "invoke_agent support-agent")
    began_ns = thread.at_ns
    thread.at_ns += thread.rng.randrange(2, 12) * MS
    thread.messages.append(_message("user", turn.user))
    children = list(_steps(thread, turn, trace_id, root.span_id))
    thread.at_ns += thread.rng.randrange(1, 6) * MS
    _set(root, _root_attributes(thread, turn))
    _close(root, began_ns, thread.at_ns, turn.failure)
    return [root, *children]


def _steps(thread: Thread, turn: Turn, trace_id: bytes, parent: bytes) -> Iterator[Span]:
    if thread.plan.arm.documents:
        yield _retrieve(thread, turn, trace_id, parent)
    tool, failure = turn.tool, turn.failure
    if tool is not None and (failure is None or failure.is_of_tool):
        call_id = f"call_{thread.rng.getrandbits(48):012x}"
        yield _chat(thread, trace_id, parent, _tool_call(tool, call_id), None)
        yield _use(thread, trace_id, parent, tool, call_id=call_id, failure=failure)
    if failure is None or not failure.is_of_tool:
        said = _message("assistant", turn.answer)
        yield _chat(thread, trace_id, parent, said, failure)


def _chat(
    thread: Thread,
    trace_id: bytes,
    parent: bytes,
    said: dict[str, object],
    failure: Failure | None,
) -> Span:
    span = _open(thread, trace_id, parent, f"chat {thread.plan.arm.model.requested}")
    began_ns = thread.at_ns
    _set(span, _asked(thread))
    _set(span, _answered(thread, said) if failure is None else _failed(thread, failure))
    _close(span, began_ns, thread.at_ns, failure)
    return span


def _asked(thread: Thread) -> dict[str, Value]:
    arm = thread.plan.arm
    system = [{"type": "text", "content": material()["system"][arm.prompt_version]}]
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": arm.model.provider,
        "gen_ai.request.model": arm.model.requested,
        "gen_ai.request.temperature": 0.3,
        "gen_ai.input.messages": _json(thread.messages),
        "gen_ai.system_instructions": _json(system),
        "assay.prompt": "support-answer",
        "assay.prompt_version": arm.prompt_version,
    }


def _answered(thread: Thread, said: dict[str, object]) -> dict[str, Value]:
    """Let the model speak: the clock moves by its speed, the thread grows by its words."""
    arm, rng, text = thread.plan.arm, thread.rng, _json([said])
    system = material()["system"][arm.prompt_version]
    tokens_in = (len(_json(thread.messages)) + len(system)) // 4 + 310 + 85 * arm.documents
    tokens_out = len(text) // 4 + 4
    first_s = rng.lognormvariate(0, 0.35) * arm.model.first_token_s * arm.slowness
    length_s = tokens_out / arm.model.tokens_per_s * rng.uniform(0.8, 1.4) * arm.slowness
    thread.at_ns += int((first_s + length_s) * 1000) * MS
    is_cached = len(thread.messages) > 2
    thread.messages.append(said)
    cached: dict[str, Value] = {"gen_ai.usage.cache_read.input_tokens": tokens_in * 6 // 10}
    return {
        "gen_ai.response.model": arm.model.answered,
        "gen_ai.response.id": f"resp_{rng.getrandbits(64):016x}",
        "gen_ai.response.finish_reasons": ["tool_calls" if "tool_call" in text else "stop"],
        "gen_ai.response.time_to_first_chunk": round(first_s, 3),
        "gen_ai.output.messages": text,
        "gen_ai.usage.input_tokens": tokens_in,
        "gen_ai.usage.output_tokens": tokens_out,
        **(cached if is_cached else {}),
    }


def _failed(thread: Thread, failure: Failure) -> dict[str, Value]:
    waited_ms = thread.rng.uniform(180, 900) * thread.plan.arm.slowness
    thread.at_ns += (30_000 if "Timeout" in failure.type else int(waited_ms)) * MS
    return {"error.type": failure.type}


def _use(
    thread: Thread,
    trace_id: bytes,
    parent: bytes,
    tool: ToolUse,
    *,
    call_id: str,
    failure: Failure | None,
) -> Span:
    span = _open(thread, trace_id, parent, f"execute_tool {tool.name}")
    began_ns = thread.at_ns
    thread.at_ns += int(thread.rng.lognormvariate(4.6, 0.5)) * MS
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": tool.name,
        "gen_ai.tool.call.id": call_id,
        "gen_ai.tool.call.arguments": _json(tool.arguments),
        "shop.warehouse": "oslo" if call_id < "call_8" else "hamm",  # a name that nothing maps
    }
    if failure is None:
        result = _json(tool.result)
        attributes["gen_ai.tool.call.result"] = result
        part = {"type": "tool_call_response", "id": call_id, "response": tool.result}
        thread.messages.append({"role": "tool", "parts": [part]})
    else:
        attributes["error.type"] = failure.type
    _set(span, attributes)
    _close(span, began_ns, thread.at_ns, failure)
    return span


def _retrieve(thread: Thread, turn: Turn, trace_id: bytes, parent: bytes) -> Span:
    span = _open(thread, trace_id, parent, "retrieval help-centre")
    began_ns = thread.at_ns
    n_documents = thread.plan.arm.documents
    thread.at_ns += (thread.rng.randrange(30, 90) + 14 * n_documents) * MS
    found = [
        {"title": title, "score": round(0.93 - 0.05 * rank - thread.rng.random() / 40, 3)}
        for rank, title in enumerate(thread.dialogue.articles[:n_documents])
    ]
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "retrieval",
        "input.value": turn.user,
        "output.value": _json(found),
        "retrieval.top_k": n_documents,
    }
    _set(span, attributes)
    _close(span, began_ns, thread.at_ns, None)
    return span


def _root_attributes(thread: Thread, turn: Turn) -> dict[str, Value]:
    plan, user = thread.plan, thread.plan.user
    about = {"plan": user.plan, "channel": user.channel, "country": user.country}
    attributes: dict[str, Value] = {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "support-agent",
        "gen_ai.conversation.id": plan.id,
        "user.id": user.id,
        "gen_ai.input.messages": _json([_message("user", turn.user)]),
        "tag.tags": thread.dialogue.tags,
        "metadata": _json(about | {"topic": thread.dialogue.topic}),
    }
    if turn.failure is None:
        said = [_message("assistant", turn.answer)]
        attributes["gen_ai.output.messages"] = _json(said)
    else:
        attributes["error.type"] = turn.failure.type
    if plan.experiment:
        attributes |= {"assay.experiment": plan.experiment, "assay.variant": plan.arm.variant}
    return attributes


def _message(role: str, text: str) -> dict[str, object]:
    return {"role": role, "parts": [{"type": "text", "content": text}]}


def _tool_call(tool: ToolUse, call_id: str) -> dict[str, object]:
    call = {"type": "tool_call", "id": call_id, "name": tool.name, "arguments": tool.arguments}
    return {"role": "assistant", "parts": [call]}


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _open(thread: Thread, trace_id: bytes, parent: bytes, name: str) -> Span:
    kind = Span.SPAN_KIND_CLIENT if name.startswith("chat") else Span.SPAN_KIND_INTERNAL
    span_id = thread.rng.randbytes(8)
    return Span(trace_id=trace_id, span_id=span_id, parent_span_id=parent, name=name, kind=kind)


def _close(span: Span, began_ns: int, ended_ns: int, failure: Failure | None) -> None:
    span.start_time_unix_nano, span.end_time_unix_nano = began_ns, ended_ns
    if failure is None:
        return
    span.status.code, span.status.message = Status.STATUS_CODE_ERROR, failure.message
    told: dict[str, Value] = {
        "exception.type": failure.type,
        "exception.message": failure.message,
        "exception.stacktrace": "\n".join(["Traceback (most recent call last):", *failure.stack]),
    }
    span.events.add(name="exception", time_unix_nano=ended_ns, attributes=to_key_values(told))


def _set(span: Span, attributes: dict[str, Value]) -> None:
    span.attributes.extend(to_key_values(attributes))


def to_key_values(attributes: Mapping[str, Value]) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def any_value(value: Value) -> AnyValue:
    if isinstance(value, str):
        return AnyValue(string_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    return AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=v) for v in value]))

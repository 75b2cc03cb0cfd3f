"""What instrumented programs say of a span, in OpenTelemetry's GenAI conventions and in
OpenInference's at once, as a program with two instrumentations does.
"""

import json
from dataclasses import dataclass

Value = str | int | float | list[str]
Attributes = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Turn:
    """One request of a user: what every span of its trace repeats."""

    session_id: str
    user_id: str
    experiment: str
    variant: str
    prompt: str
    version: int
    number: int

    def attributes(self) -> Attributes:
        return {
            "session.id": self.session_id,
            "gen_ai.conversation.id": self.session_id,
            "user.id": self.user_id,
            "experiment.name": self.experiment,
            "experiment.variant": self.variant,
            "feature_flag.key": self.experiment,
            "feature_flag.result.variant": self.variant,
        }


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a model."""

    model: str
    provider: str
    system: str
    question: str
    answer: str
    cost_in: float  # dollars
    cost_out: float
    ttft_s: float
    response_id: str
    temperature: float

    @property
    def tokens_in(self) -> int:
        return (len(self.system) + len(self.question)) // 4 + 12

    @property
    def tokens_out(self) -> int:
        return len(self.answer) // 4 + 3


def as_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def messages(role: str, text: str) -> str:
    return as_json([{"role": role, "parts": [{"type": "text", "content": text}]}])


def of_call(turn: Turn, call: Call) -> Attributes:
    return turn.attributes() | _gen_ai_call(turn, call) | _openinference_call(turn, call)


def _gen_ai_call(turn: Turn, call: Call) -> Attributes:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": call.provider,
        "gen_ai.system": call.provider,
        "gen_ai.request.model": call.model,
        "gen_ai.response.model": f"{call.model}-2025-08-01",
        "gen_ai.response.id": call.response_id,
        "gen_ai.request.temperature": call.temperature,
        "gen_ai.request.max_tokens": 2048,
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": call.tokens_in,
        "gen_ai.usage.output_tokens": call.tokens_out,
        "gen_ai.usage.cost": call.cost_in + call.cost_out,
        "gen_ai.server.time_to_first_token": call.ttft_s,
        "gen_ai.prompt.name": turn.prompt,
        "gen_ai.prompt.version": str(turn.version),
        "gen_ai.system_instructions": as_json([{"type": "text", "content": call.system}]),
        "gen_ai.input.messages": messages("user", call.question),
        "gen_ai.output.messages": messages("assistant", call.answer),
    }


def _openinference_call(turn: Turn, call: Call) -> Attributes:
    return {
        "openinference.span.kind": "LLM",
        "llm.model_name": call.model,
        "llm.provider": call.provider,
        "llm.token_count.prompt": call.tokens_in,
        "llm.token_count.completion": call.tokens_out,
        "llm.token_count.total": call.tokens_in + call.tokens_out,
        "llm.cost.prompt": call.cost_in,
        "llm.cost.completion": call.cost_out,
        "llm.cost.total": call.cost_in + call.cost_out,
        "llm.invocation_parameters": '{"temperature":0.2,"max_tokens":2048}',
        "llm.prompt_template.version": f"{turn.prompt}@{turn.version}",
        "prompt.name": turn.prompt,
        "prompt.version": str(turn.version),
        "llm.input_messages.0.message.role": "system",
        "llm.input_messages.0.message.content": call.system,
        "llm.input_messages.1.message.role": "user",
        "llm.input_messages.1.message.content": call.question,
        "llm.output_messages.0.message.role": "assistant",
        "llm.output_messages.0.message.content": call.answer,
    }


def of_tool(turn: Turn, name: str, call_id: str, *, arguments: str, result: str) -> Attributes:
    return turn.attributes() | {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
        "gen_ai.tool.type": "function",
        "gen_ai.tool.call.id": call_id,
        "gen_ai.tool.call.arguments": arguments,
        "gen_ai.tool.call.result": result,
        "openinference.span.kind": "TOOL",
        "tool.name": name,
        "input.value": arguments,
        "input.mime_type": "application/json",
        "output.value": result,
        "output.mime_type": "application/json",
    }


def of_agent(turn: Turn, tier: str, tags: list[str], *, question: str, answer: str) -> Attributes:
    return turn.attributes() | {
        "turn": turn.number,
        "tag.tags": tags,
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": "support-agent",
        "gen_ai.agent.id": "agent-7",
        "openinference.span.kind": "AGENT",
        "metadata": as_json({"tier": tier, "turn": turn.number}),
        "input.value": question,
        "input.mime_type": "text/plain",
        "output.value": answer,
        "output.mime_type": "text/plain",
    }

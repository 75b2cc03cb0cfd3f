"""Which attribute names are understood: they have a column, or need none by what is documented.
Pure.
"""

import re
from functools import lru_cache

from tracking.adapters.dialects.compounds import is_compound
from tracking.adapters.dialects.table import KEYS

_index = re.compile(r"(?<=\.)\d+(?=\.|$)")

# Documented, of no column of their own: pages show them among the attributes, or read them there.
_NAMES = frozenset(
    [
        "gen_ai.response.id",
        "gen_ai.output.type",
        "gen_ai.usage.total_tokens",
        "gen_ai.is_streaming",
        "gen_ai.headers",
        "gen_ai.data_source.id",
        "gen_ai.workflow.name",
        "gen_ai.embeddings.dimension.count",
        "gen_ai.token.type",
        "gen_ai.usage.token_type",
        "gen_ai.conversation.compacted",
        "llm.invocation_parameters",
        "llm.token_count.total",
        "llm.is_streaming",
        "llm.headers",
        "llm.usage.total_tokens",
        "llm.chat.stop_sequences",
        "llm.frequency_penalty",
        "llm.presence_penalty",
        "llm.top_k",
        "llm.request.functions",
        "llm.function_call",
        "input.mime_type",
        "output.mime_type",
        "agent.name",
        "prompt.vendor",
        "prompt.url",
        "traceloop.entity.name",
        "traceloop.entity.path",
        "traceloop.entity.version",
        "traceloop.workflow.name",
        "traceloop.correlation.id",
        "operation.name",
        "resource.name",
        "ai.telemetry.functionId",
        "ai.usage.totalTokens",
        "ai.embedding",
        "ai.embeddings",
        "ai.documents",
        "ai.ranking",
        "ai.ranking.type",
        "ai.frontend",
        "metric.value",
        "ai.prompt.tools",
        "ai.prompt.toolChoice",
        "ai.toolCall.name",
        "ai.toolCall.id",
        "ai.request.stream",
        "ai.request.message_count",
        "ai.request.max_tokens",
        "ai.tokens.total",
        "ai.duration.ms",
        "error",
        "langfuse.version",
        "langfuse.trace.name",
        "langfuse.trace.public",
        "langfuse.observation.status_message",
        "langfuse.observation.model.parameters",
        "langfuse.observation.metadata",
        "langfuse.trace.metadata",
        "event.name",
    ]
)
_PREFIXES = (
    "gen_ai.request.",
    "gen_ai.agent.",
    "gen_ai.tool.",
    "gen_ai.openai.",
    "gen_ai.task.",
    "gen_ai.evaluation.",
    "gen_ai.prompt.",
    "gen_ai.completion.",
    "gen_ai.client.operation.",
    "llm.input_messages.",
    "llm.output_messages.",
    "llm.prompts.",
    "llm.choices.",
    "llm.tools.",
    "llm.cost.",
    "llm.token_count.",
    "llm.prompt_template.",
    "llm.request.",
    "tool.",
    "tool_call.",
    "embedding.",
    "retrieval.",
    "reranker.",
    "document.",
    "decision.",
    "graph.node.",
    "input.",
    "output.",
    "traceloop.prompt.",
    "ai.settings.",
    "ai.schema",
    "ai.stream.",
    "ai.response.",
    "ai.usage.",
    "ai.request.headers.",
    "langfuse.internal.",
    "langfuse.experiment.",
    "langsmith.",
    "mlflow.",
    "dogpile.",
    "fallom.",
    # OpenTelemetry's general conventions: what any program says of itself.
    "client.",
    "code.",
    "db.",
    "exception.",
    "feature_flag.",
    "http.",
    "messaging.",
    "net.",
    "network.",
    "otel.",
    "rpc.",
    "server.",
    "thread.",
    "url.",
    "user_agent.",
)


@lru_cache(16_384)
def is_recognised(name: str) -> bool:
    return name in KEYS or name in _NAMES or name.startswith(_PREFIXES) or is_compound(name)


@lru_cache(16_384)
def family_of(name: str) -> str:
    """A name with its indexes replaced: flattened lists are one name."""
    return _index.sub("N", name)

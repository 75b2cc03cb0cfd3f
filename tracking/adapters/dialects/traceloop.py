"""Traceloop's OpenLLMetry: workflows, tasks, agents and tools around ``gen_ai`` model calls.

Messages of its older releases are flattened (``gen_ai.prompt.N.…``): see ``messages``. Association
properties that fill no column here are metadata: see ``compounds``.
Names: opentelemetry-semantic-conventions-ai 0.5.1, traceloop-sdk 0.62.
"""

from tracking.adapters.dialects.codecs import BODY, COUNT, FIRST, NAME, kind_words
from tracking.adapters.dialects.keys import key
from tracking.events import Kind

PROPERTIES = "traceloop.association.properties."

SPAN_KINDS = kind_words(
    {"workflow": Kind.CHAIN, "task": Kind.CHAIN, "agent": Kind.AGENT, "tool": Kind.TOOL}
)
REQUEST_TYPES = kind_words(
    {
        "chat": Kind.LLM,
        "completion": Kind.LLM,
        "embedding": Kind.EMBEDDING,
        "rerank": Kind.RETRIEVER,
    }
)

KEYS = (
    key("traceloop.span.kind", "kind", SPAN_KINDS),
    key("llm.request.type", "kind", REQUEST_TYPES),
    key("traceloop.entity.input", "input", BODY),
    key("traceloop.entity.output", "output", BODY),
    key("mcp.request.argument", "input", BODY),
    key("mcp.response.value", "output", BODY),
    key(f"{PROPERTIES}session_id", "session_own", NAME),
    key(f"{PROPERTIES}thread_id", "session_own", NAME),
    key(f"{PROPERTIES}user_id", "user_own", NAME),
    key(f"{PROPERTIES}customer_id", "user_own", NAME),
    key("llm.user", "user_own", NAME),
    key("gen_ai.user", "user_own", NAME),
    key("traceloop.prompt.key", "prompt_key", NAME),
    key("traceloop.prompt.version", "prompt_version", NAME),
    key("llm.usage.reasoning_tokens", "tokens_reasoning", COUNT),
    key("llm.usage.cache_read_input_tokens", "tokens_cache_read", COUNT),
    key("llm.usage.cache_creation_input_tokens", "tokens_cache_write", COUNT),
    key("gen_ai.response.finish_reason", "finish_reason", FIRST),
    key("gen_ai.response.stop_reason", "finish_reason", FIRST),
    key("llm.response.finish_reason", "finish_reason", FIRST),
    key("llm.response.stop_reason", "finish_reason", FIRST),
)

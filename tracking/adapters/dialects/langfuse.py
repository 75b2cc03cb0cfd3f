"""Langfuse's own attributes: observations, and what they say of their trace.

Usage and cost are JSON objects, levels are errors, metadata is flattened: see ``compounds``.
Session and user are mostly OpenTelemetry's ``session.id`` and ``user.id``. Names: langfuse 5.0
(Python), langfuse/langfuse packages/shared/src/server/otel.
"""

from tracking.adapters.dialects.codecs import BODY, COMMA_TAGS, NAME, QUOTED_NAME, kind_words
from tracking.adapters.dialects.keys import key
from tracking.events import Kind

METADATA_OBJECTS = (
    "langfuse.observation.metadata",
    "langfuse.trace.metadata",
    "langfuse.metadata",
)
METADATA = tuple(f"{name}." for name in METADATA_OBJECTS)

# "span" and "event" are what an observation is that says nothing of itself.
TYPES = kind_words(
    {
        "generation": Kind.LLM,
        "embedding": Kind.EMBEDDING,
        "tool": Kind.TOOL,
        "agent": Kind.AGENT,
        "chain": Kind.CHAIN,
        "retriever": Kind.RETRIEVER,
        "evaluator": Kind.EVALUATOR,
        "guardrail": Kind.GUARDRAIL,
    }
)

KEYS = (
    key("langfuse.observation.type", "kind", TYPES),
    key("langfuse.observation.model.name", "model_requested", NAME),
    key("langfuse.observation.input", "input", BODY),
    key("langfuse.observation.output", "output", BODY),
    key("langfuse.trace.input", "input", BODY),
    key("langfuse.trace.output", "output", BODY),
    key("langfuse.observation.prompt.name", "prompt_key", NAME),
    key("langfuse.prompt.name", "prompt_key", NAME),
    key("langfuse.observation.prompt.version", "prompt_version", QUOTED_NAME),
    key("langfuse.prompt.version", "prompt_version", QUOTED_NAME),
    key("langfuse.session.id", "session_own", NAME),
    key("langfuse.user.id", "user_own", NAME),
    key("langfuse.trace.tags", "tags", COMMA_TAGS),
    key("langfuse.tags", "tags", COMMA_TAGS),
    # Among the metadata of the calls, for Langfuse's wrappers of OpenAI and LangChain.
    key("langfuse.observation.metadata.langfuse_session_id", "session_own", NAME),
    key("langfuse.trace.metadata.langfuse_session_id", "session_own", NAME),
    key("langfuse.observation.metadata.langfuse_user_id", "user_own", NAME),
    key("langfuse.trace.metadata.langfuse_user_id", "user_own", NAME),
    key("langfuse.observation.metadata.langfuse_tags", "tags", COMMA_TAGS),
    key("langfuse.trace.metadata.langfuse_tags", "tags", COMMA_TAGS),
)

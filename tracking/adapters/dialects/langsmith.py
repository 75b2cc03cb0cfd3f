"""LangSmith's OpenTelemetry attributes. Metadata is flattened, token details are JSON objects: see
``compounds``. Names: LangSmith's documentation of its attribute mapping, langsmith 0.4.
"""

from tracking.adapters.dialects.codecs import BODY, COMMA_TAGS, NAME, kind_words
from tracking.adapters.dialects.keys import key
from tracking.events import Kind

METADATA = "langsmith.metadata."

KINDS = kind_words(
    {
        "llm": Kind.LLM,
        "embedding": Kind.EMBEDDING,
        "tool": Kind.TOOL,
        "retriever": Kind.RETRIEVER,
        "chain": Kind.CHAIN,
        "prompt": Kind.CHAIN,
        "parser": Kind.CHAIN,
    }
)

KEYS = (
    key("langsmith.span.kind", "kind", KINDS),
    key(f"{METADATA}ls_provider", "provider", NAME),
    key(f"{METADATA}ls_model_name", "model_requested", NAME),
    key("gen_ai.prompt", "input", BODY),
    key("gen_ai.completion", "output", BODY),
    # A conversation is a thread, named by metadata; "session" is LangSmith's older word for it.
    key(f"{METADATA}thread_id", "session_own", NAME),
    key(f"{METADATA}session_id", "session_own", NAME),
    key(f"{METADATA}conversation_id", "session_own", NAME),
    key("langsmith.trace.session_id", "session_own", NAME),
    key(f"{METADATA}user_id", "user_own", NAME),
    key("langsmith.span.tags", "tags", COMMA_TAGS),
)

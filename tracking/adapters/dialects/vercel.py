"""The Vercel AI SDK, versions 3.4 to 7: ``ai.*``.

An outer span (``ai.generateText``) sums up its inner ones (``….doGenerate``), so only these are
model calls; ``ai.operationId`` tells them apart: see ``compounds``. Up to version 3 results were
``ai.result.*`` and ``ai.finishReason``; tokens were ``promptTokens`` up to version 4. Version 7
says most of it in ``gen_ai``. Names: vercel/ai, packages/otel.
"""

from tracking.adapters.dialects.codecs import BODY, COUNT, MILLISECONDS, NAME, TAGS, VENDOR
from tracking.adapters.dialects.keys import key

METADATA = "ai.telemetry.metadata."
CONTEXT = "ai.settings.context."

KEYS = (
    key("ai.model.provider", "provider", VENDOR),
    key("ai.model.id", "model_requested", NAME),
    key("ai.response.model", "model", NAME),
    key("ai.usage.inputTokens", "tokens_in", COUNT),
    key("ai.usage.promptTokens", "tokens_in", COUNT),
    key("ai.usage.tokens", "tokens_in", COUNT),  # of embeddings
    key("ai.usage.outputTokens", "tokens_out", COUNT),
    key("ai.usage.completionTokens", "tokens_out", COUNT),
    key("ai.usage.inputTokenDetails.cacheReadTokens", "tokens_cache_read", COUNT),
    key("ai.usage.cachedInputTokens", "tokens_cache_read", COUNT),
    key("ai.usage.inputTokenDetails.cacheWriteTokens", "tokens_cache_write", COUNT),
    key("ai.usage.outputTokenDetails.reasoningTokens", "tokens_reasoning", COUNT),
    key("ai.usage.reasoningTokens", "tokens_reasoning", COUNT),
    key("ai.response.msToFirstChunk", "ttft_us", MILLISECONDS),
    key("ai.stream.msToFirstChunk", "ttft_us", MILLISECONDS),
    key("ai.response.finishReason", "finish_reason", NAME),
    key("ai.finishReason", "finish_reason", NAME),
    key("ai.toolCall.args", "input", BODY),
    key("ai.toolCall.result", "output", BODY),
    key("ai.prompt.messages", "input", BODY),
    key("ai.prompt", "input", BODY),
    key("ai.values", "input", BODY),
    key("ai.value", "input", BODY),
    key("ai.request.text", "input", BODY),  # to be spoken
    key("ai.response.text", "output", BODY),
    key("ai.response.object", "output", BODY),
    key("ai.result.text", "output", BODY),
    key("ai.result.object", "output", BODY),
    key("ai.transcription", "output", BODY),
    key(f"{METADATA}sessionId", "session_own", NAME),
    key(f"{CONTEXT}sessionId", "session_own", NAME),
    key(f"{METADATA}userId", "user_own", NAME),
    key(f"{CONTEXT}userId", "user_own", NAME),
    key(f"{METADATA}promptKey", "prompt_key", NAME),
    key(f"{METADATA}promptVersion", "prompt_version", NAME),
    key(f"{METADATA}tags", "tags", TAGS),
    key(f"{CONTEXT}tags", "tags", TAGS),
)

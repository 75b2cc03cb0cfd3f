"""ai.matey's OpenTelemetry middleware: ``ai.matey.request`` spans, and metrics sent as spans.

``ai.response.model`` it shares with the Vercel AI SDK. What a span is, its name does not say as
surely as its attributes: see ``compounds``.
"""

from tracking.adapters.dialects.codecs import COUNT, NAME
from tracking.adapters.dialects.keys import key

KEYS = (
    key("ai.response.backend", "provider", NAME),
    key("ai.backend", "provider", NAME),
    key("ai.request.model", "model_requested", NAME),
    key("ai.tokens.prompt", "tokens_in", COUNT),
    key("ai.tokens.completion", "tokens_out", COUNT),
    key("ai.response.finish_reason", "finish_reason", NAME),
)

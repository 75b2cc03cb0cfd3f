"""Google's Agent Development Kit, beside ``gen_ai``: the bodies of its calls and tools.

Its ``call_llm`` spans hold usage and bodies; in later versions a ``generate_content`` span within
each says the same usage again: see ``compounds``. Names: google-adk 1.36, telemetry/tracing.
"""

from tracking.adapters.dialects.codecs import COUNT, NAME, REAL_BODY
from tracking.adapters.dialects.keys import key

KEYS = (
    key("gcp.vertex.agent.session_id", "session_own", NAME),
    key("gcp.vertex.agent.llm_request", "input", REAL_BODY),
    key("gcp.vertex.agent.tool_call_args", "input", REAL_BODY),
    key("gcp.vertex.agent.data", "input", REAL_BODY),
    key("gcp.vertex.agent.llm_response", "output", REAL_BODY),
    key("gcp.vertex.agent.tool_response", "output", REAL_BODY),
    key("gen_ai.usage.experimental.reasoning_tokens", "tokens_reasoning", COUNT),
)

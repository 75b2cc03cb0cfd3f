"""Pydantic AI, and what Logfire says of it, in their own names.

Since version 2 of its data format calls and tools are ``gen_ai``; before, tools had attributes of
their own, and messages were a JSON list of events: see ``messages``. A run sums up its calls, under
a name of its own since pydantic-ai 2. Names: pydantic-ai 2.68, its InstrumentationSettings.
"""

from tracking.adapters.dialects.codecs import BODY, COUNT, MONEY
from tracking.adapters.dialects.keys import key

KEYS = (
    key("operation.cost", "cost_reported", MONEY),
    key("gen_ai.aggregated_usage.input_tokens", "tokens_in", COUNT),
    key("gen_ai.aggregated_usage.output_tokens", "tokens_out", COUNT),
    key("gen_ai.usage.details.cache_read_tokens", "tokens_cache_read", COUNT),
    key("gen_ai.usage.details.cache_read_input_tokens", "tokens_cache_read", COUNT),
    key("gen_ai.usage.details.cached_tokens", "tokens_cache_read", COUNT),
    key("gen_ai.usage.details.cache_write_tokens", "tokens_cache_write", COUNT),
    key("gen_ai.usage.details.cache_creation_input_tokens", "tokens_cache_write", COUNT),
    key("gen_ai.usage.details.reasoning_tokens", "tokens_reasoning", COUNT),
    key("gen_ai.usage.details.thoughts_tokens", "tokens_reasoning", COUNT),
    key("pydantic_ai.all_messages", "input", BODY),
    key("all_messages_events", "input", BODY),
    key("tool_arguments", "input", BODY),
    key("final_result", "output", BODY),
    key("tool_response", "output", BODY),
)

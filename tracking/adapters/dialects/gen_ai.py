"""OpenTelemetry's GenAI conventions in the generations that are in use, newest name first.

Up to 1.36: ``gen_ai.system``, ``prompt_tokens``/``completion_tokens``, messages as span events;
1.37 to 1.41: ``gen_ai.provider.name``, messages as attributes, ``cache_creation``; since then
``cache_write`` and ``gen_ai.prompt.*``. One fleet may send several at once.
"""

from tracking.adapters.dialects.codecs import BODY, COUNT, FIRST, MONEY, NAME, SECONDS
from tracking.adapters.dialects.keys import Key
from tracking.events import Kind

KEYS = (
    Key("gen_ai.operation.name", "operation", NAME, bit=5),
    Key("gen_ai.provider.name", "provider", NAME, bit=6),
    Key("gen_ai.system", "provider", NAME, bit=7),
    Key("gen_ai.request.model", "model_requested", NAME, bit=8),
    Key("gen_ai.response.model", "model", NAME, bit=9),
    Key("gen_ai.usage.input_tokens", "tokens_in", COUNT, bit=10),
    Key("gen_ai.usage.prompt_tokens", "tokens_in", COUNT, bit=11),
    Key("gen_ai.usage.output_tokens", "tokens_out", COUNT, bit=12),
    Key("gen_ai.usage.completion_tokens", "tokens_out", COUNT, bit=13),
    Key("gen_ai.usage.cache_read.input_tokens", "tokens_cache_read", COUNT, bit=14),
    Key("gen_ai.usage.cache_read_input_tokens", "tokens_cache_read", COUNT),
    Key("gen_ai.usage.cache_write.input_tokens", "tokens_cache_write", COUNT, bit=15),
    Key("gen_ai.usage.cache_creation.input_tokens", "tokens_cache_write", COUNT, bit=16),
    Key("gen_ai.usage.cache_creation_input_tokens", "tokens_cache_write", COUNT),
    Key("gen_ai.usage.reasoning.output_tokens", "tokens_reasoning", COUNT, bit=17),
    Key("gen_ai.usage.reasoning_tokens", "tokens_reasoning", COUNT),
    Key("gen_ai.usage.cost", "cost_reported", MONEY, bit=18),
    Key("gen_ai.response.time_to_first_chunk", "ttft_us", SECONDS, bit=19),
    Key("gen_ai.server.time_to_first_token", "ttft_us", SECONDS, bit=20),
    Key("gen_ai.response.finish_reasons", "finish_reason", FIRST, bit=21),
    Key("gen_ai.conversation.id", "session_own", NAME, bit=22),
    Key("gen_ai.prompt.name", "prompt_key", NAME, bit=23),
    Key("gen_ai.prompt.version", "prompt_version", NAME, bit=24),
    Key("gen_ai.input.messages", "input", BODY, bit=25, structured_bit=26),
    Key("gen_ai.output.messages", "output", BODY, bit=27, structured_bit=28),
    Key("gen_ai.system_instructions", "system", BODY, bit=29, structured_bit=30),
    Key("gen_ai.tool.call.arguments", "input", BODY, bit=31, structured_bit=32),
    Key("gen_ai.tool.call.result", "output", BODY, bit=33, structured_bit=34),
)

OPERATION_KINDS = {
    "chat": Kind.LLM,
    "text_completion": Kind.LLM,
    "generate_content": Kind.LLM,
    "embeddings": Kind.EMBEDDING,
    "execute_tool": Kind.TOOL,
    "invoke_agent": Kind.AGENT,
    "create_agent": Kind.AGENT,
    "invoke_workflow": Kind.CHAIN,
    "plan": Kind.AGENT,
    "retrieval": Kind.RETRIEVER,
    "search_memory": Kind.RETRIEVER,
}

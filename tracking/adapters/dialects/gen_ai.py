"""OpenTelemetry's GenAI conventions in the generations that are in use, newest name first.

Up to 1.36: ``gen_ai.system``, ``prompt_tokens``/``completion_tokens``, messages as span events;
1.37 to 1.41: ``gen_ai.provider.name``, messages as attributes, ``cache_creation``; since then
``cache_write`` and ``gen_ai.prompt.*``. One fleet may send several at once.
"""

from tracking.adapters.dialects.codecs import BODY, COUNT, FIRST, MONEY, NAME, SECONDS
from tracking.adapters.dialects.keys import key
from tracking.events import Kind

KEYS = (
    key("gen_ai.operation.name", "operation", NAME, bit=5),
    key("gen_ai.provider.name", "provider", NAME, bit=6),
    key("gen_ai.system", "provider", NAME, bit=7),
    key("gen_ai.request.model", "model_requested", NAME, bit=8),
    key("gen_ai.response.model", "model", NAME, bit=9),
    key("gen_ai.usage.input_tokens", "tokens_in", COUNT, bit=10),
    key("gen_ai.usage.prompt_tokens", "tokens_in", COUNT, bit=11),
    key("gen_ai.usage.output_tokens", "tokens_out", COUNT, bit=12),
    key("gen_ai.usage.completion_tokens", "tokens_out", COUNT, bit=13),
    key("gen_ai.usage.cache_read.input_tokens", "tokens_cache_read", COUNT, bit=14),
    key("gen_ai.usage.cache_read_input_tokens", "tokens_cache_read", COUNT),
    key("gen_ai.usage.cache_write.input_tokens", "tokens_cache_write", COUNT, bit=15),
    key("gen_ai.usage.cache_creation.input_tokens", "tokens_cache_write", COUNT, bit=16),
    key("gen_ai.usage.cache_creation_input_tokens", "tokens_cache_write", COUNT),
    key("gen_ai.usage.reasoning.output_tokens", "tokens_reasoning", COUNT, bit=17),
    key("gen_ai.usage.reasoning_tokens", "tokens_reasoning", COUNT),
    key("gen_ai.usage.cost", "cost_reported", MONEY, bit=18),
    key("gen_ai.cost.total_cost", "cost_reported", MONEY),
    key("gen_ai.usage.total_cost", "cost_reported", MONEY),
    key("gen_ai.response.time_to_first_chunk", "ttft_us", SECONDS, bit=19),
    key("gen_ai.client.operation.time_to_first_chunk", "ttft_us", SECONDS),
    key("gen_ai.server.time_to_first_token", "ttft_us", SECONDS, bit=20),
    key("gen_ai.response.finish_reasons", "finish_reason", FIRST, bit=21),
    key("gen_ai.conversation.id", "session_own", NAME, bit=22),
    key("gen_ai.prompt.name", "prompt_key", NAME, bit=23),
    key("gen_ai.prompt.version", "prompt_version", NAME, bit=24),
    key("gen_ai.input.messages", "input", BODY, bit=25, structured=26),
    key("gen_ai.output.messages", "output", BODY, bit=27, structured=28),
    key("gen_ai.system_instructions", "system", BODY, bit=29, structured=30),
    key("gen_ai.tool.call.arguments", "input", BODY, bit=31, structured=32),
    key("gen_ai.tool.call.result", "output", BODY, bit=33, structured=34),
    key("gen_ai.retrieval.query.text", "input", BODY),
    key("gen_ai.retrieval.documents", "output", BODY),
    key("gen_ai.task.input", "input", BODY),
    key("gen_ai.task.output", "output", BODY),
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
    # Beside the conventions: what instrumentations and the Vercel AI SDK say.
    "completion": Kind.LLM,
    "llm_request": Kind.LLM,
    "response": Kind.LLM,
    "responses": Kind.LLM,
    "embedding": Kind.EMBEDDING,
    "agent_step": Kind.AGENT,  # sums up the call below it
    "rerank": Kind.RETRIEVER,
    "vector_db_retrieve": Kind.RETRIEVER,
}

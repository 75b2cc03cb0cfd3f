"""OpenInference (Phoenix). Its flattened message lists have no column: see ``messages``."""

from tracking.adapters.dialects.codecs import (
    BODY,
    CALLED_MODEL,
    COUNT,
    KIND,
    METADATA,
    MONEY,
    NAME,
    TAGS,
    TEXT,
)
from tracking.adapters.dialects.keys import key

KEYS = (
    key("openinference.span.kind", "kind", KIND, bit=35),
    key("llm.provider", "provider", NAME, bit=36),
    key("llm.system", "provider", NAME),
    key("llm.request.model_name", "model_requested", NAME),
    key("llm.model_name", "model_requested", NAME, bit=37),
    key("embedding.model_name", "model_requested", NAME),
    key("reranker.model_name", "model_requested", NAME),
    key("llm.response.model_name", "model", NAME, bit=38),
    key("llm.token_count.prompt", "tokens_in", COUNT, bit=39),
    key("llm.token_count.completion", "tokens_out", COUNT, bit=40),
    key("llm.token_count.prompt_details.cache_read", "tokens_cache_read", COUNT, bit=41),
    key("llm.token_count.prompt_details.cache_input", "tokens_cache_read", COUNT),
    key("llm.token_count.prompt_details.cache_write", "tokens_cache_write", COUNT, bit=42),
    key("llm.token_count.completion_details.reasoning", "tokens_reasoning", COUNT, bit=43),
    key("llm.cost.total", "cost_reported", MONEY, bit=44),
    key("llm.finish_reason", "finish_reason", NAME, bit=45),
    key("prompt.name", "prompt_key", NAME, bit=46),
    key("prompt.id", "prompt_key", NAME),
    key("prompt.version", "prompt_version", NAME, bit=47),
    key("llm.prompt_template.version", "prompt_version", NAME),
    key("input.value", "input", TEXT, bit=48),
    key("output.value", "output", TEXT, bit=49),
    key("tag.tags", "tags", TAGS, bit=50),
    key("metadata", "metadata", METADATA),
    key("decision.provider", "provider", NAME),
    key("decision.system", "provider", NAME),
    key("decision.request.model_name", "model_requested", NAME),
    key("decision.model_name", "model_requested", NAME),
    key("decision.response.model_name", "model", NAME),
    key("decision.token_count.input", "tokens_in", COUNT),
    key("decision.token_count.output", "tokens_out", COUNT),
    # Mostly flattened; programs of their own say them as JSON.
    key("llm.input_messages", "input", BODY),
    key("llm.output_messages", "output", BODY),
    # The only one to name the model of a call that failed (openinference-instrumentation-openai).
    key("llm.invocation_parameters", "model_requested", CALLED_MODEL),
)

"""OpenInference (Phoenix). Its flattened message lists have no column: see ``messages``."""

from tracking.adapters.dialects.codecs import COUNT, KIND, METADATA, MONEY, NAME, TAGS, TEXT
from tracking.adapters.dialects.keys import Key

KEYS = (
    Key("openinference.span.kind", "kind", KIND, bit=35),
    Key("llm.provider", "provider", NAME, bit=36),
    Key("llm.system", "provider", NAME),
    Key("llm.request.model_name", "model_requested", NAME),
    Key("llm.model_name", "model_requested", NAME, bit=37),
    Key("llm.response.model_name", "model", NAME, bit=38),
    Key("llm.token_count.prompt", "tokens_in", COUNT, bit=39),
    Key("llm.token_count.completion", "tokens_out", COUNT, bit=40),
    Key("llm.token_count.prompt_details.cache_read", "tokens_cache_read", COUNT, bit=41),
    Key("llm.token_count.prompt_details.cache_write", "tokens_cache_write", COUNT, bit=42),
    Key("llm.token_count.completion_details.reasoning", "tokens_reasoning", COUNT, bit=43),
    Key("llm.cost.total", "cost_reported", MONEY, bit=44),
    Key("llm.finish_reason", "finish_reason", NAME, bit=45),
    Key("prompt.name", "prompt_key", NAME, bit=46),
    Key("prompt.id", "prompt_key", NAME),
    Key("prompt.version", "prompt_version", NAME, bit=47),
    Key("llm.prompt_template.version", "prompt_version", NAME),
    Key("input.value", "input", TEXT, bit=48),
    Key("output.value", "output", TEXT, bit=49),
    Key("tag.tags", "tags", TAGS, bit=50),
    Key("metadata", "metadata", METADATA),
)

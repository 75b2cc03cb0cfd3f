"""What an answer used and cost, as ai.matey says it. Pure.

``usage.details`` is whatever the backend's adapter put there: names of several providers are
known. Anthropic's own names count beside ``input_tokens``, all others are parts of a whole.
"""

from typing import Any

from tracking.adapters.json_values import JsonObject, count, money, obj

CACHE_READ = (
    ("cachedTokens",),
    ("cacheReadTokens",),
    ("cachedInputTokens",),
    ("cachedPromptTokens",),
    ("cached_tokens",),
    ("prompt_tokens_details", "cached_tokens"),
    ("promptTokensDetails", "cachedTokens"),
    ("cachedContentTokenCount",),
)
CACHE_WRITE = (("cacheWriteTokens",), ("cacheCreationTokens",))
REASONING = (
    ("reasoningTokens",),
    ("reasoning_tokens",),
    ("completion_tokens_details", "reasoning_tokens"),
    ("completionTokensDetails", "reasoningTokens"),
    ("thoughtsTokenCount",),
)
BESIDE_READ = (("cache_read_input_tokens",), ("cacheReadInputTokens",))
BESIDE_WRITE = (("cache_creation_input_tokens",), ("cacheCreationInputTokens",))

Path = tuple[str, ...]


def usage_columns(usage: JsonObject, custom: JsonObject) -> dict[str, Any]:
    """Columns of tokens and cost; what is not said is left out."""
    details, cost = obj(usage.get("details")), obj(custom.get("cost"))
    tokens_in = count(usage.get("promptTokens"))
    tokens_out = count(usage.get("completionTokens"))
    if not usage:  # the cost middleware repeats the counts
        tokens_in, tokens_out = count(cost.get("inputTokens")), count(cost.get("outputTokens"))
    beside_read, beside_write = _find(details, BESIDE_READ), _find(details, BESIDE_WRITE)
    if tokens_in is not None:
        tokens_in += (beside_read or 0) + (beside_write or 0)
    found = {
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "tokens_cache_read": _find(details, CACHE_READ) if beside_read is None else beside_read,
        "tokens_cache_write": (
            _find(details, CACHE_WRITE) if beside_write is None else beside_write
        ),
        "tokens_reasoning": _find(details, REASONING),
        "cost_reported": money(cost.get("totalCost")),
    }
    return {column: value for column, value in found.items() if value is not None}


def _find(details: JsonObject, paths: tuple[Path, ...]) -> int | None:
    for path in paths:
        value: object = details
        for key in path:
            value = obj(value).get(key)
        if (found := count(value)) is not None:
            return found
    return None

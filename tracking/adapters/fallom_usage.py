"""Token counts as providers' SDKs name them → inclusive counts. Pure.

Assay's ``tokens_in`` holds the cached tokens too, ``tokens_out`` the reasoning. Providers disagree:
Anthropic and Bedrock leave cached tokens out of the input, Gemini leaves thoughts out of the
output, and AI SDK before 6 passes on what the provider said. The shape of the object tells which,
and sums tell where the shape does not.
"""

from typing import Any

from tracking.adapters.dialects.codecs import MONEY
from tracking.adapters.json_values import JsonObject, count, obj

Path = tuple[str, ...]

_INPUT = (
    *("input_tokens", "prompt_tokens", "inputTokens", "promptTokens"),
    *("promptTokenCount", "prompt_token_count"),
)
_OUTPUT = (
    *("output_tokens", "completion_tokens", "outputTokens", "completionTokens"),
    *("candidatesTokenCount", "candidates_token_count"),
)
_TOTAL = ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count")
_TOOL_PROMPT = ("toolUsePromptTokenCount", "tool_use_prompt_token_count")
_READ: tuple[Path, ...] = (
    ("cache_read_input_tokens",),
    ("prompt_tokens_details", "cached_tokens"),
    ("input_tokens_details", "cached_tokens"),
    ("inputTokenDetails", "cacheReadTokens"),
    ("cachedInputTokens",),
    ("cacheReadInputTokens",),
    ("cachedContentTokenCount",),
    ("cached_content_token_count",),
    ("providerMetadata", "anthropic", "cacheReadInputTokens"),
    ("providerMetadata", "anthropic", "usage", "cache_read_input_tokens"),
    ("providerMetadata", "bedrock", "usage", "cacheReadInputTokens"),
    ("providerMetadata", "openai", "cachedPromptTokens"),
)
_WRITE: tuple[Path, ...] = (
    ("cache_creation_input_tokens",),
    ("prompt_tokens_details", "cache_write_tokens"),
    ("input_tokens_details", "cache_write_tokens"),
    ("inputTokenDetails", "cacheWriteTokens"),
    ("cacheWriteInputTokens",),
    ("providerMetadata", "anthropic", "cacheCreationInputTokens"),
    ("providerMetadata", "anthropic", "usage", "cache_creation_input_tokens"),
    ("providerMetadata", "bedrock", "usage", "cacheWriteInputTokens"),
)
_REASONING: tuple[Path, ...] = (
    ("completion_tokens_details", "reasoning_tokens"),
    ("output_tokens_details", "reasoning_tokens"),
    ("outputTokenDetails", "reasoningTokens"),
    ("reasoningTokens",),
    ("thoughtsTokenCount",),
    ("thoughts_token_count",),
    ("providerMetadata", "openai", "reasoningTokens"),
    ("providerMetadata", "google", "usageMetadata", "thoughtsTokenCount"),
)
_COST: tuple[Path, ...] = (
    ("cost",),
    ("providerMetadata", "openrouter", "usage", "cost"),
    ("providerMetadata", "gateway", "cost"),
)
_DETAILED = ("prompt_tokens_details", "input_tokens_details", "inputTokenDetails")
_NATIVE_CACHE = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
_GEMINI = ("candidatesTokenCount", "candidates_token_count")
_LEAVE_CACHE_OUT = frozenset({"anthropic", "aws.bedrock"})


def read_usage(usage: JsonObject, metadata: JsonObject, *, provider: str) -> dict[str, Any]:
    """Return columns of an event. ``metadata``: AI SDK's ``providerMetadata``.

    A usage of nothing but zeros was never counted: LangChain's callback says so of every provider
    that is not OpenAI.
    """
    said = {**usage, "providerMetadata": metadata}
    read, write = _first_at(said, _READ), _first_at(said, _WRITE)
    reasoning = _first_at(said, _REASONING)
    tokens_in = _with_cache(_first(usage, _INPUT), (read or 0) + (write or 0), usage, provider)
    tokens_in = _plus(tokens_in, _first(usage, _TOOL_PROMPT))
    tokens_out = _with_thoughts(_first(usage, _OUTPUT), reasoning or 0, usage, tokens_in)
    counts = {
        "tokens_in": tokens_in,
        "tokens_out": tokens_out,
        "tokens_cache_read": read,
        "tokens_cache_write": write,
        "tokens_reasoning": reasoning,
    }
    columns: dict[str, Any] = {}
    if any(counts.values()):
        columns = {column: n for column, n in counts.items() if n is not None}
    cost = _cost_of(said)
    return columns if cost is None else {**columns, "cost_reported": cost}


def _with_cache(tokens_in: int | None, cached: int, usage: JsonObject, provider: str) -> int | None:
    if tokens_in is None or not cached:
        return tokens_in
    is_detailed = any(key in usage for key in _DETAILED)
    is_native = not _NATIVE_CACHE.isdisjoint(usage) and "input_tokens" in usage
    leaves_out = is_native or provider in _LEAVE_CACHE_OUT
    if cached > tokens_in or (leaves_out and not is_detailed):
        return tokens_in + cached
    return tokens_in


def _with_thoughts(
    tokens_out: int | None, reasoning: int, usage: JsonObject, tokens_in: int | None
) -> int | None:
    if tokens_out is None or not reasoning:
        return tokens_out
    total = _first(usage, _TOTAL)
    if total is None:
        leaves_out = any(key in usage for key in _GEMINI)
    else:
        leaves_out = total == (tokens_in or 0) + tokens_out + reasoning
    return tokens_out + reasoning if leaves_out or reasoning > tokens_out else tokens_out


def _plus(tokens: int | None, further: int | None) -> int | None:
    return tokens if tokens is None or further is None else tokens + further


def _first(said: JsonObject, keys: tuple[str, ...]) -> int | None:
    return next((n for key in keys if (n := count(said.get(key))) is not None), None)


def _first_at(said: JsonObject, paths: tuple[Path, ...]) -> int | None:
    return next((n for path in paths if (n := count(_value_at(said, path))) is not None), None)


def _value_at(said: JsonObject, path: Path) -> object:
    value: object = said
    for key in path:
        value = obj(value).get(key)
    return value


def _cost_of(said: JsonObject) -> float | None:
    for path in _COST:
        cost = MONEY.read(_value_at(said, path))[0]
        if isinstance(cost, float):
            return cost
    return None

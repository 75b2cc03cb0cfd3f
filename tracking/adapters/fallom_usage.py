"""Token counts as providers' SDKs name them → inclusive counts. Pure.

Assay's ``tokens_in`` holds the cached tokens too, ``tokens_out`` the reasoning. Providers disagree:
Anthropic and Bedrock leave cached tokens out of the input, Gemini leaves thoughts out of the
output, and AI SDK before 6 passes on what the provider said. The shape of the object tells which,
and sums tell where the shape does not.
"""

from typing import Any

from tracking.adapters.dialects.codecs import MONEY
from tracking.adapters.json_values import JsonObject, count, number, obj

Counts = dict[str, int]
"""By dotted name: ``prompt_tokens_details.cached_tokens``."""

MAX_DEPTH = 3

_INPUT = (
    *("input_tokens", "prompt_tokens", "inputTokens", "promptTokens"),
    *("promptTokenCount", "prompt_token_count", "inputTokens.total"),
)
_OUTPUT = (
    *("output_tokens", "completion_tokens", "outputTokens", "completionTokens"),
    *("candidatesTokenCount", "candidates_token_count", "outputTokens.total"),
)
_TOTAL = ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count")
_TOOL_PROMPT = ("toolUsePromptTokenCount", "tool_use_prompt_token_count")
_READ = (
    "cache_read_input_tokens",
    "prompt_tokens_details.cached_tokens",
    "input_tokens_details.cached_tokens",
    "inputTokenDetails.cacheReadTokens",
    "inputTokens.cacheRead",
    "cachedInputTokens",
    "cacheReadInputTokens",
    "cachedContentTokenCount",
    "cached_content_token_count",
    "anthropic.cacheReadInputTokens",
    "anthropic.usage.cache_read_input_tokens",
    "bedrock.usage.cacheReadInputTokens",
    "openai.cachedPromptTokens",
)
_WRITE = (
    "cache_creation_input_tokens",
    "prompt_tokens_details.cache_write_tokens",
    "input_tokens_details.cache_write_tokens",
    "inputTokenDetails.cacheWriteTokens",
    "inputTokens.cacheWrite",
    "cacheWriteInputTokens",
    "anthropic.cacheCreationInputTokens",
    "anthropic.usage.cache_creation_input_tokens",
    "bedrock.usage.cacheWriteInputTokens",
)
_REASONING = (
    "completion_tokens_details.reasoning_tokens",
    "output_tokens_details.reasoning_tokens",
    "outputTokenDetails.reasoningTokens",
    "outputTokens.reasoning",
    "reasoningTokens",
    "thoughtsTokenCount",
    "thoughts_token_count",
    "openai.reasoningTokens",
    "google.usageMetadata.thoughtsTokenCount",
)
_DETAILED = ("prompt_tokens_details", "input_tokens_details", "inputTokenDetails", "inputTokens")
_NATIVE_CACHE = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
_GEMINI = (
    *("candidatesTokenCount", "candidates_token_count"),
    *("promptTokenCount", "prompt_token_count"),
)
_LEAVE_CACHE_OUT = frozenset({"anthropic", "aws.bedrock"})


def read_usage(usage: JsonObject, metadata: JsonObject, *, provider: str) -> dict[str, Any]:
    """Return columns of an event. ``metadata``: AI SDK's ``providerMetadata``.

    A usage of nothing but zeros was never counted: LangChain's callback says so of every provider
    that is not OpenAI.
    """
    if not usage and not metadata:
        return {}
    said: Counts = {}
    _note(metadata, "", said)
    _note(usage, "", said)
    read, write = _first(said, _READ), _first(said, _WRITE)
    reasoning = _first(said, _REASONING)
    tokens_in = _with_cache(_first(said, _INPUT), (read or 0) + (write or 0), usage, provider)
    tokens_in = _plus(tokens_in, _first(said, _TOOL_PROMPT))
    if reasoning is None:
        reasoning = _unsaid_thoughts(said, tokens_in)
    tokens_out = _with_thoughts(_first(said, _OUTPUT), reasoning or 0, said, tokens_in)
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
    cost = _cost_of(usage, metadata)
    return columns if cost is None else {**columns, "cost_reported": cost}


def usage_of_steps(usage: JsonObject, steps: list[JsonObject]) -> JsonObject:
    """The usage of all steps of a call. AI SDK 5 says that of the last one where 4 said the sum;
    an agent's result may say none."""
    said = [obj(step.get("usage")) for step in steps]
    if usage and (len(said) < 2 or not all(said) or said[-1] != usage):
        return usage
    whole: JsonObject = {}
    for each in said:
        _add(whole, each)
    return whole


def _add(whole: JsonObject, step: JsonObject, depth: int = 0) -> None:
    for key, value in step.items():
        known = whole.get(key)
        if type(value) is dict:
            if depth < MAX_DEPTH and type(known) in (dict, type(None)):
                _add(whole.setdefault(key, {}), value, depth + 1)
        elif (counted := number(value)) is not None and not isinstance(known, dict):
            whole[key] = (known or 0) + counted


def _note(said: JsonObject, prefix: str, counts: Counts, depth: int = 0) -> None:
    """Add the counts in an object and in those within it, by their dotted names."""
    for key, value in said.items():
        if type(value) is dict:
            if depth < MAX_DEPTH:
                _note(value, f"{prefix}{key}.", counts, depth + 1)
        elif value is not None and (counted := count(value)) is not None:
            counts[prefix + key] = counted


def _with_cache(tokens_in: int | None, cached: int, usage: JsonObject, provider: str) -> int | None:
    if tokens_in is None or not cached:
        return tokens_in
    is_detailed = any(type(usage.get(key)) is dict for key in _DETAILED)
    is_native = not _NATIVE_CACHE.isdisjoint(usage) and "input_tokens" in usage
    leaves_out = is_native or provider in _LEAVE_CACHE_OUT
    if cached > tokens_in or (leaves_out and not is_detailed):
        return tokens_in + cached
    return tokens_in


def _with_thoughts(
    tokens_out: int | None, reasoning: int, said: Counts, tokens_in: int | None
) -> int | None:
    if not reasoning:
        return tokens_out
    if tokens_out is None:  # Gemini thought until its limit and said nothing
        return reasoning if _is_geminis(said) else None
    total = _first(said, _TOTAL)
    if total is None:
        leaves_out = _is_geminis(said)
    else:
        leaves_out = total == (tokens_in or 0) + tokens_out + reasoning
    return tokens_out + reasoning if leaves_out or reasoning > tokens_out else tokens_out


def _unsaid_thoughts(said: Counts, tokens_in: int | None) -> int | None:
    """fallom-python passes on three of Gemini's counts: what the total has beside the prompt and
    the candidates is what the model thought, which is billed as output."""
    total = _first(said, _TOTAL) if _is_geminis(said) else None
    if total is None or tokens_in is None:
        return None
    rest = total - tokens_in - (_first(said, _OUTPUT) or 0)
    return rest if rest > 0 else None


def _is_geminis(said: Counts) -> bool:
    return any(key in said for key in _GEMINI)


def _plus(tokens: int | None, further: int | None) -> int | None:
    return tokens if tokens is None or further is None else tokens + further


def _first(said: Counts, names: tuple[str, ...]) -> int | None:
    return next((said[name] for name in names if name in said), None)


def _cost_of(usage: JsonObject, metadata: JsonObject) -> float | None:
    openrouter = obj(obj(metadata.get("openrouter")).get("usage"))
    gateway = obj(metadata.get("gateway"))
    for sent in (usage.get("cost"), openrouter.get("cost"), gateway.get("cost")):
        cost = None if sent is None else MONEY.read(sent)[0]
        if isinstance(cost, float):
            return cost
    return None

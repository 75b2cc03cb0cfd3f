"""What the Vercel AI SDK passes on from providers, beside its own counts of tokens. Pure.

Its own counts are sometimes the providers', which leave something out: Anthropic's input leaves out
cached tokens, Google's output its thoughts. Where the SDK says the very count that the provider
did, it left them out, too. Names: @ai-sdk/openai, anthropic, google, amazon-bedrock 2 to 4.
"""

from typing import Any

from tracking.adapters.dialects.usage import columns_of_usage

Columns = dict[str, Any]
Said = dict[str, object]

_BEDROCK = {
    "cacheReadInputTokens": "input_cached_tokens",
    "cacheWriteInputTokens": "input_cache_write",
}
_GOOGLE = {
    "cachedContentTokenCount": "input_cached_tokens",
    "thoughtsTokenCount": "output_reasoning_tokens",
}
_OPENAI = {
    "cachedPromptTokens": "input_cached_tokens",
    "reasoningTokens": "output_reasoning_tokens",
}


def columns_of_metadata(said: Said) -> Columns:
    """``said``: provider → what it said, decoded."""
    of_google = _object(said.get("google")) or _object(said.get("vertex"))
    google = _object(of_google.get("usageMetadata"))
    parts = (
        _parts(_object(said.get("openai")), _OPENAI),
        _parts(_object(_object(said.get("bedrock")).get("usage")), _BEDROCK),
        _parts(google, _GOOGLE),
        _anthropic(_object(_object(said.get("anthropic")).get("usage"))),
        _gateway(_object(said.get("gateway")).get("cost")),
    )
    columns = {name: value for part in parts for name, value in part.items()}
    answered = google.get("candidatesTokenCount")
    if columns.get("tokens_reasoning") and isinstance(answered, int):
        columns["unreasoned_output"] = answered
    return columns


def _object(value: object) -> Said:
    return value if isinstance(value, dict) else {}


def _parts(usage: Said, names: dict[str, str]) -> Columns:
    """Parts of the input and the output, which is no reason to take their sums for these."""
    found = columns_of_usage({ours: usage.get(theirs) for theirs, ours in names.items()})
    return {name: found[name] for name in found if name not in {"tokens_in", "tokens_out"}}


def _anthropic(usage: Said) -> Columns:
    found = columns_of_usage(usage)
    found.pop("tokens_out", None)
    return {**found, "uncached_input": usage.get("input_tokens")} if found else {}


def _gateway(cost: object) -> Columns:
    if isinstance(cost, bool) or not isinstance(cost, str | int | float):
        return {}
    try:
        dollars = float(cost)
    except ValueError:
        return {}
    return {"cost_reported": dollars} if 0 <= dollars < 1e12 else {}

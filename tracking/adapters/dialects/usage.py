"""Token counts that a dialect says as one object, and counts that leave cached tokens out. Pure.

Our ``tokens_in`` holds all input tokens, those read from and written to a cache included, and
``tokens_out`` all output tokens, reasoning included.
"""

from collections.abc import Iterable

Columns = dict[str, object]

MAX_COUNT = 10**12

_CACHE_READ = (
    "input_cached_tokens",
    "input_cache_read",
    "cache_read_input_tokens",
    "input_cached",
    "cache_read",
    "cached_tokens",
)
_CACHE_WRITE = (
    "input_cache_creation",
    "input_cache_write",
    "cache_creation_input_tokens",
    "cache_creation",
    "cache_write",
)
_CACHE_WRITES = ("input_cache_creation_5m", "input_cache_creation_1h")
_ANTHROPIC_INPUT = frozenset({"cache_read_input_tokens", "cache_creation_input_tokens"})
_REASONING = ("output_reasoning_tokens", "output_reasoning", "reasoning_tokens", "reasoning")
_ALL_IN = ("prompt_tokens", "promptTokens", "inputTokens")
_ALL_OUT = ("completion_tokens", "completionTokens", "output_tokens", "outputTokens")
_DETAILS_IN = ("prompt_tokens_details", "input_tokens_details", "input_token_details")
_DETAILS_OUT = ("completion_tokens_details", "output_tokens_details", "output_token_details")


def columns_of_usage(usage: dict[str, object]) -> Columns:
    """Read Langfuse's buckets, or usage as OpenAI and Anthropic say it, into columns.

    Buckets (``input``, ``input_cached_tokens``, …) exclude one another, unless the total says that
    ``input`` and ``output`` are all there is. Anthropic's ``input_tokens`` leave cached ones out,
    which its own names for those tell.
    """
    counts = _counts(usage)
    nested_in = _nested(usage, _DETAILS_IN)
    nested_out = _nested(usage, _DETAILS_OUT)
    read = _first({**counts, **nested_in}, _CACHE_READ)
    write = _first({**counts, **nested_in}, _CACHE_WRITE)
    if write is None:
        write = _sum(counts[key] for key in _CACHE_WRITES if key in counts)
    columns: Columns = {
        "tokens_in": _all_in(counts, read, write),
        "tokens_out": _all_out(counts),
        "tokens_cache_read": read,
        "tokens_cache_write": write,
        "tokens_reasoning": _first({**counts, **nested_out}, _REASONING),
    }
    return {name: value for name, value in columns.items() if value is not None}


def _all_in(counts: dict[str, int], read: int | None, write: int | None) -> int | None:
    whole = _first(counts, _ALL_IN)
    if whole is not None:
        return whole
    if "input_tokens" in counts:
        is_anthropic = "cache_read_input_tokens" in counts or (
            "cache_creation_input_tokens" in counts
        )
        parts = (read or 0) + (write or 0) if is_anthropic else 0
        return counts["input_tokens"] + parts
    return _all_of_buckets(counts, "input")


def _all_out(counts: dict[str, int]) -> int | None:
    whole = _first(counts, _ALL_OUT)
    return whole if whole is not None else _all_of_buckets(counts, "output")


def _all_of_buckets(counts: dict[str, int], name: str) -> int | None:
    plain = [counts.get(each, 0) for each in ("input", "output")]
    if name in counts and counts.get("total") == sum(plain):
        return counts[name]
    beside = _ANTHROPIC_INPUT if name == "input" else frozenset()
    named = (key for key in counts if key == name or key.startswith(f"{name}_") or key in beside)
    return _sum(counts[key] for key in named)


def inclusive_input(tokens_in: int, cache_read: int, cache_write: int) -> int:
    """All input tokens: a count smaller than the cached ones has left these out."""
    cached = cache_read + cache_write
    return tokens_in + cached if cached > tokens_in else tokens_in


def _counts(sent: dict[str, object]) -> dict[str, int]:
    return {
        str(key): value
        for key, value in sent.items()
        if isinstance(value, int) and value is not True and 0 <= value <= MAX_COUNT
    }


def _nested(usage: dict[str, object], names: tuple[str, ...]) -> dict[str, int]:
    for name in names:
        details = usage.get(name)
        if isinstance(details, dict):
            return _counts(details)
    return {}


def _first(counts: dict[str, int], names: tuple[str, ...]) -> int | None:
    return next((counts[name] for name in names if name in counts), None)


def _sum(numbers: Iterable[int]) -> int | None:
    found = list(numbers)
    return sum(found) if found else None

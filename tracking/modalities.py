"""Audio and image tokens of a call, which no column holds: told by its attributes. Pure.

They become metrics of the event, by which they are charged (tracking.pricing) and summed.
"""

from collections.abc import Mapping

MAX_COUNT = 10**12

# OTel GenAI (gen_ai.usage.<modality>.…) and OpenInference (llm.token_count.…_details.audio).
_KEYS = {
    "gen_ai.usage.audio.input_tokens": "tokens_input_audio",
    "gen_ai.usage.audio.output_tokens": "tokens_output_audio",
    "gen_ai.usage.image.input_tokens": "tokens_input_image",
    "gen_ai.usage.image.output_tokens": "tokens_output_image",
    "llm.token_count.prompt_details.audio": "tokens_input_audio",
    "llm.token_count.completion_details.audio": "tokens_output_audio",
}
# Those read from a cache are charged as such already.
_CACHED = {
    "gen_ai.usage.audio.cache_read.input_tokens": "tokens_input_audio",
    "gen_ai.usage.image.cache_read.input_tokens": "tokens_input_image",
}
MODAL_KEYS = frozenset(_KEYS)


def count_modalities(attributes: Mapping[str, object]) -> list[tuple[str, float]]:
    """Tokens by metric; the first attribute that tells a count wins."""
    found: dict[str, int] = {}
    for key, metric in _KEYS.items():
        if n := _count(attributes.get(key)):
            found.setdefault(metric, n)
    for key, metric in _CACHED.items():
        if metric in found:
            found[metric] = max(0, found[metric] - _count(attributes.get(key)))
    return [(metric, float(n)) for metric, n in sorted(found.items()) if n]


def _count(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    return int(value) if 0 < value <= MAX_COUNT else 0

"""Which attribute filled which column of a span. Pure, for pages."""

from tracking.adapters.dialects.compounds import COMPOUNDS, COST_PARTS
from tracking.adapters.dialects.table import KEYS

LABELS = {
    "kind": "Kind",
    "operation": "Operation",
    "provider": "Provider",
    "model_requested": "Model requested",
    "model": "Model",
    "tokens_in": "Input tokens",
    "tokens_out": "Output tokens",
    "tokens_cache_read": "Tokens read from cache",
    "tokens_cache_write": "Tokens written to cache",
    "tokens_reasoning": "Reasoning tokens",
    "cost_reported": "Cost",
    "ttft_us": "Time to first token",
    "first_token_us": "Time to first token",
    "finish_reason": "Finish reason",
    "session_own": "Session",
    "user_own": "User",
    "run_id": "Run",
    "prompt_key": "Prompt",
    "prompt_version": "Prompt version",
    "config_key": "Config",
    "config_version": "Config version",
    "arm:assay": "Experiment",
    "arm:experiment": "Experiment",
    "arm:flag": "Experiment",
    "assignments": "Experiments",
    "tags": "Tags",
    "metadata": "Metadata",
    "input": "Input",
    "output": "Output",
    "system": "System",
    "error_type": "Error type",
    "is_error": "Status",
    "error": "Error",
    "environment": "Environment",
    "release": "Release",
    "metrics": "Metrics",
}


def provenance_of(attributes: dict[str, object]) -> list[tuple[str, str]]:
    """(what it is, the attribute it was read from), best known first. ``attributes``: rebuilt."""
    found: dict[str, str] = {}
    for name, key in KEYS.items():
        if name in attributes and key.codec.read(attributes[name])[0] is not None:
            found.setdefault(key.column, name)
    for name, read in COMPOUNDS.items():
        if name in attributes:
            for column in read(attributes[name], attributes):
                found.setdefault(column, name)
    if part := next((name for name in COST_PARTS if name in attributes), ""):
        found.setdefault("cost_reported", part)
    return [(label, found[column]) for column, label in LABELS.items() if column in found]

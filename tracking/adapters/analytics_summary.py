"""The summary of a finished ai-experiments experiment, or a result of it, back to events. Pure.

The events say exactly what the library would have sent, no more: a run that was tracked live and
whose summary is posted as well is stored once. What the library never tracks, the result itself, is
a point of its own.
"""

from collections.abc import Iterator
from typing import Any

RESULT = "variant.result"
_SUMMARY_KEYS = frozenset({"experimentId", "results"})
_RESULT_KEYS = frozenset({"experimentId", "variantId", "runId", "success", "completedAt"})


def size_of(value: Any) -> int:  # JSON of any shape
    """How many runs a summary or a lone result tells, at least 1; 0 of anything else."""
    if not isinstance(value, dict):
        return 0
    if _is_summary(value):
        return max(len(value["results"]), 1)
    return int(value.keys() >= _RESULT_KEYS)


def expand(whole: dict[str, Any]) -> list[object]:
    """The events of a summary, or of a lone result."""
    return _expand_summary(whole) if _is_summary(whole) else list(_expand_result(whole))


def _is_summary(value: dict[str, Any]) -> bool:
    return value.keys() >= _SUMMARY_KEYS and isinstance(value["results"], list)


def _expand_summary(summary: dict[str, Any]) -> list[object]:
    """Return start, the events of each result, and completion. A broken result stays itself."""
    results: list[object] = summary["results"]
    head = _picked(summary, "experimentId", "experimentName")
    started = {**head, "variantCount": len(results)}
    completed = head | _picked(summary, "successCount", "failureCount", "totalDuration")
    best = summary.get("bestVariant")
    if isinstance(best, dict) and "variantId" in best:
        completed["bestVariant"] = best["variantId"]
    return [
        _event("experiment.start", summary.get("startedAt"), started),
        *(event for result in results for event in _expand_result(result)),
        _event("experiment.complete", summary.get("completedAt"), completed),
    ]


def _expand_result(result: object) -> Iterator[object]:
    if not isinstance(result, dict):
        yield result  # refused by name, like any item that is no object
        return
    head = _picked(result, "experimentId", "variantId", "variantName", "runId")
    yield _event("variant.start", result.get("startedAt"), head)
    if untracked := _picked(result, "result", "metadata"):
        yield _event(RESULT, result.get("completedAt"), head | untracked)
    run = head | _picked(result, "duration")
    if result.get("success"):
        run |= _picked(result, "metricValue") | {"success": True}
        yield _event("variant.complete", result.get("completedAt"), run)
        return
    error = result.get("error")
    if error:  # {} is what JSON makes of an Error object
        run["error"] = error
    yield _event("variant.error", result.get("completedAt"), run)


def _event(event_type: str, timestamp: object, data: dict[str, Any]) -> dict[str, object]:
    return {"type": event_type, "timestamp": timestamp, "data": data}


def _picked(source: dict[str, Any], *keys: str) -> dict[str, Any]:
    return {key: source[key] for key in keys if key in source}

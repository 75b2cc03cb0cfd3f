"""Requests refused for their key, told to whoever counts them: a revoked key still in use, a scope
that is missing, a rate that is exceeded. Unknown keys belong to no project and are not counted."""

from collections.abc import Callable

Counter = Callable[[int, str, int], None]
"""(project id, the key's prefix, HTTP status)."""

_counters: list[Counter] = []


def register_counter(counter: Counter) -> None:
    _counters.append(counter)


def note_refusal(project_id: int, prefix: str, status: int) -> None:
    for counter in _counters:
        counter(project_id, prefix, status)


def forget_counters() -> None:
    """Count no more (tests say themselves when to)."""
    _counters.clear()

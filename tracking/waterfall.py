"""Spans → the rows of a tree with bars. Pure; any parents: missing, circular, repeated ids."""

from collections.abc import Sequence
from operator import attrgetter

import msgspec

from tracking.shapes import SpanRow


class WaterfallRow(msgspec.Struct, frozen=True, gc=False):
    """``offset`` and ``width`` are shares (0–1) of the whole; ``lead`` the share until TTFT."""

    span: SpanRow
    depth: int
    offset: float
    width: float
    lead: float | None
    n_children: int
    n_below: int
    is_orphan: bool  # names a parent that is not here, or is its own ancestor

    @property
    def has_children(self) -> bool:
        return self.n_children > 0


def build_waterfall(spans: Sequence[SpanRow]) -> list[WaterfallRow]:
    """Order spans as a tree: parents before children, siblings by start."""
    ordered = sorted(spans, key=attrgetter("started_at", "id"))
    parents = _find_parents(ordered)
    visits = _walk(parents)
    below = [0] * len(ordered)
    children = [0] * len(ordered)
    for index, parent, _depth in reversed(visits):
        if parent >= 0:
            below[parent] += 1 + below[index]
            children[parent] += 1
    bars = _bars(ordered)
    return [
        WaterfallRow(
            ordered[index],
            depth,
            *bars[index],
            children[index],
            below[index],
            parent < 0 and ordered[index].parent_span_id != "",
        )
        for index, parent, depth in visits
    ]


def _find_parents(spans: Sequence[SpanRow]) -> list[int]:
    """Return each span's parent as an index, -1 without one. Of equal ids the first counts."""
    by_id: dict[str, int] = {}
    for index, span in enumerate(spans):
        if span.span_id:
            by_id.setdefault(span.span_id, index)
    return [by_id.get(span.parent_span_id, -1) for span in spans]


def _walk(parents: Sequence[int]) -> list[tuple[int, int, int]]:
    """Visit every index once, parents first, as (index, parent it was met under, depth)."""
    children: dict[int, list[int]] = {}
    for index, parent in enumerate(parents):
        children.setdefault(parent, []).append(index)
    visits: list[tuple[int, int, int]] = []
    seen = [False] * len(parents)
    # After the roots, whatever was not met goes in a circle: its earliest span stands as a root.
    for start in [*children.get(-1, ()), *range(len(parents))]:
        stack = [] if seen[start] else [(start, -1, 0)]
        while stack:
            index, parent, depth = visit = stack.pop()
            if seen[index]:
                continue
            seen[index] = True
            visits.append(visit)
            stack += [(child, index, depth + 1) for child in reversed(children.get(index, ()))]
    return visits


def _bars(spans: Sequence[SpanRow]) -> list[tuple[float, float, float | None]]:
    if not spans:
        return []
    start = spans[0].started_at
    offsets = [(span.started_at - start).total_seconds() * 1000 for span in spans]
    whole = max(
        offset + (span.duration_ms or 0) for offset, span in zip(offsets, spans, strict=True)
    )
    scale = 1 / whole if whole > 0 else 0.0
    return [
        (
            offset * scale,
            (span.duration_ms or 0) * scale,
            None if span.ttft_ms is None else min(span.ttft_ms, span.duration_ms or 0) * scale,
        )
        for offset, span in zip(offsets, spans, strict=True)
    ]

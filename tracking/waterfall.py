"""Spans → the rows of a tree with bars. Pure; any parents: missing, circular, repeated ids."""

from collections.abc import Sequence
from dataclasses import dataclass

from tracking.shapes import SpanRow


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """``offset`` and ``width`` are shares (0–1) of the whole; ``lead`` the share until TTFT."""

    span: SpanRow
    depth: int
    offset: float
    width: float
    lead: float | None
    n_children: int
    n_below: int
    is_orphan: bool  # names a parent that is not here

    @property
    def has_children(self) -> bool:
        return self.n_children > 0


def build_waterfall(spans: Sequence[SpanRow]) -> list[WaterfallRow]:
    """Order spans as a tree: parents before children, siblings by start."""
    raise NotImplementedError

"""What the versions of prompts were used for, by the names that spans gave them.

Reads hourly aggregates: the cost does not grow with the calls behind them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.timebuckets import TimeRange
from tracking.costs import dollars
from tracking.hourly import CALLS, HOURS, Family, to_ms
from tracking.sketch_sums import Sketch, SketchSource, pick_step, sum_sketches
from tracking.sketches import merge_sketches, quantiles
from tracking.statements import fetch_all

Named = tuple[str, str]
"""A prompt's key and version, as spans name them."""

# Parameters: kinds of calls, then those of HOURS, then keys.
USAGE = (
    "SELECT key_a, key_b, kind = ANY (%s) AS is_call, sum(n), sum(n_errors),"
    f" sum(tokens_in + tokens_out), sum(cost_nano), sum(n_unpriced) {HOURS} AND key_a = ANY (%s)"
    " GROUP BY 1, 2, 3 HAVING sum(n) > 0 ORDER BY 1, 2, 3"
)


@dataclass(frozen=True, slots=True)
class PromptUsage:
    """Model calls that named a version; of one that no call named, its other events."""

    calls: int = 0
    errors: int = 0
    tokens: int = 0
    cost_usd: float | None = 0.0  # of what is known
    unpriced: int = 0  # calls whose cost nobody knows

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.calls if self.calls else None

    @property
    def success_rate(self) -> float | None:
        return 1 - self.errors / self.calls if self.calls else None

    @property
    def tokens_per_call(self) -> float | None:
        return self.tokens / self.calls if self.calls else None

    @property
    def cost_per_call(self) -> float | None:
        """Of those calls whose cost is known."""
        priced = self.calls - self.unpriced
        return self.cost_usd / priced if priced > 0 and self.cost_usd is not None else None


@dataclass(frozen=True, slots=True)
class VersionLatency:
    """Milliseconds; None when nothing was measured."""

    p50: float | None = None
    p95: float | None = None


NO_USAGE = PromptUsage()
NO_LATENCY = VersionLatency()


def read_prompt_usage(
    project_id: int, time_range: TimeRange, keys: Sequence[str]
) -> dict[Named, PromptUsage]:
    """The usage of all versions of these prompts; what was not used is not there."""
    if not keys:
        return {}
    scope = [project_id, time_range.start, time_range.end, Family.PROMPT]
    rows = fetch_all(USAGE, [list(CALLS), *scope, list(keys)])
    # Calls come after what is none, and take its place.
    return {
        (key, version): PromptUsage(
            int(n), int(errors), int(tokens), dollars(int(cost), int(unpriced)), int(unpriced)
        )
        for key, version, _is_call, n, errors, tokens, cost, unpriced in rows
    }


def read_version_latency(
    project_id: int, time_range: TimeRange, key: str
) -> dict[str, VersionLatency]:
    """The latency of the model calls of each version that had some."""
    source = SketchSource(
        project_id=project_id, family=Family.PROMPT, group="key_b", kinds=CALLS, prompt=key
    )
    found: dict[str, list[Sketch]] = {}
    for each in sum_sketches(source, time_range, step=pick_step(time_range)):
        found.setdefault(str(each.group), []).append(each.sketch)
    return {version: _latency(sketches) for version, sketches in found.items()}


def _latency(sketches: list[Sketch]) -> VersionLatency:
    p50, p95 = quantiles(merge_sketches(*sketches), (0.5, 0.95))
    return VersionLatency(to_ms(p50), to_ms(p95))

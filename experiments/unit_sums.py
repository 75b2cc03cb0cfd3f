"""What is known of an experiment's units once they are added up. Pure."""

from dataclasses import dataclass, field
from datetime import datetime

from experiments.metrics import METRICS


@dataclass(frozen=True, slots=True)
class ValueSums:
    """One metric over the counted units of one variant."""

    n: int
    total: float
    squares: float
    low: float | None
    high: float | None
    p50: float | None
    p95: float | None


@dataclass(frozen=True, slots=True)
class VariantSums:
    variant: str
    first_seen: datetime | None  # None: declared, and never met
    last_seen: datetime | None
    units: int
    maturing: int
    several: int
    several_share: float  # this variant's part of the distinct units seen in several variants
    values: dict[str, ValueSums]

    @property
    def mature(self) -> int:
        return self.units - self.maturing


def no_sums(variant: str) -> VariantSums:
    """The sums of a variant that nobody met."""
    nothing = ValueSums(n=0, total=0.0, squares=0.0, low=None, high=None, p50=None, p95=None)
    return VariantSums(
        variant=variant,
        first_seen=None,
        last_seen=None,
        units=0,
        maturing=0,
        several=0,
        several_share=0.0,
        values=dict.fromkeys(METRICS, nothing),
    )


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Units that carry the tags of a declared experiment and do not count."""

    before_start: dict[str, int] = field(default_factory=dict)  # variant → units
    elsewhen: int = 0  # paused, or after the end
    strangers: dict[str, int] = field(default_factory=dict)  # undeclared variant → units

    @property
    def n_before(self) -> int:
        return sum(self.before_start.values())

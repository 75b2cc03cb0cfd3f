"""What a comparison answers: a number with its interval, or the reason why there is none."""

import enum
from dataclasses import dataclass


class Status(enum.StrEnum):
    """Why an estimate is there, or is not. Never 0 and p = 1 in place of "unknown"."""

    OK = "ok"
    NO_UNITS = "no_units"
    TOO_FEW = "too_few"
    ZERO_VARIANCE = "zero_variance"
    BASELINE_UNUSABLE = "baseline_unusable"


@dataclass(frozen=True, slots=True)
class Interval:
    low: float
    high: float

    @classmethod
    def around(cls, centre: float, half_width: float) -> "Interval":
        return cls(low=centre - half_width, high=centre + half_width)

    def holds(self, value: float) -> bool:
        return self.low <= value <= self.high


@dataclass(frozen=True, slots=True)
class Estimate:
    """A difference b - a, absolute or relative to a."""

    status: Status
    value: float | None = None
    se: float | None = None
    interval: Interval | None = None
    p: float | None = None

    @property
    def is_ok(self) -> bool:
        return self.status is Status.OK

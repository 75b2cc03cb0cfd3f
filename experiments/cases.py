"""What a verdict is reached from: each variant against the control on each goal. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.results import (
    ArmResult,
    ComparisonResult,
    Finding,
    GuardrailResult,
    MetricResult,
)
from experiments.wording import short_name

FEWEST_OUTCOMES = 5  # of each kind, over both arms, before a rate may be judged
NEGLIGIBLE_RATE = 0.02
NEGLIGIBLE_SHARE = 0.05  # of the control's mean, for what is no rate


@dataclass(frozen=True, slots=True)
class Question:
    """One variant against the control on one goal."""

    metric: MetricResult
    comparison: ComparisonResult
    control: ArmResult
    arm: ArmResult
    floor: int

    @property
    def sign(self) -> int:
        return 1 if self.metric["direction"] == "up" else -1

    @property
    def gain(self) -> float:
        """The difference in the desired direction."""
        return self.sign * (self.comparison["diff"] or 0.0)

    @property
    def is_large_enough(self) -> bool:
        return min(self.control["n"], self.arm["n"]) >= self.floor

    @property
    def is_measurable(self) -> bool:
        """Tell whether enough of both outcomes were seen for a difference of rates."""
        if self.comparison["status"] != "ok":
            return False
        if self.metric["type"] != "proportion":
            return True
        successes = self.control["sums"]["successes"] + self.arm["sums"]["successes"]
        failures = self.control["n"] + self.arm["n"] - successes
        return min(successes, failures) >= FEWEST_OUTCOMES

    @property
    def is_ready(self) -> bool:
        return self.is_large_enough and self.is_measurable

    def is_decided(self, alpha: float) -> bool:
        p = self.comparison["p_adjusted"]
        return self.is_ready and p is not None and p < alpha

    @property
    def p(self) -> float:
        p = self.comparison["p_adjusted"]
        return 1.0 if p is None else p

    @property
    def is_negligible(self) -> bool:
        ci = self.comparison["ci"]
        return ci is not None and max(abs(ci[0]), abs(ci[1])) <= self.negligible

    @property
    def negligible(self) -> float:
        if self.metric["unit"] == "rate":
            return NEGLIGIBLE_RATE
        return NEGLIGIBLE_SHARE * abs(self.control["mean"] or 0.0)


@dataclass(frozen=True, slots=True)
class Case:
    """All that a verdict is reached from."""

    questions: Sequence[Question]
    health: Sequence[Finding]
    names: dict[str, str]  # variant → title
    unit: str
    alpha: float
    days_left: float | None
    is_draft: bool = False
    is_over: bool = False  # stopped: nothing more will come
    guardrails: Sequence[GuardrailResult] = ()

    @property
    def yet(self) -> str:
        return "" if self.is_over else " yet"

    def name(self, variant: str) -> str:
        return short_name(self.names.get(variant) or variant)

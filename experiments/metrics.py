"""What is compared: the metrics, what one unit contributes, and which direction is better."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One number a unit, in the column ``key`` of :mod:`experiments.units`.

    ``floor`` is how many units an arm needs before a difference may be called one.
    """

    key: str
    name: str
    type: Literal["proportion", "mean"]
    direction: Literal["up", "down"]
    role: Literal["goal", "guardrail", "secondary"]
    unit: Literal["rate", "score", "ms", "usd", "tokens"]
    floor: int

    @property
    def sign(self) -> int:
        return 1 if self.direction == "up" else -1


DISCOVERED_METRICS = (
    Metric("success_rate", "success rate", "proportion", "up", "goal", "rate", 100),
    Metric("metric_value", "metric value", "mean", "up", "goal", "score", 100),
    Metric("duration", "duration", "mean", "down", "secondary", "ms", 300),
    Metric("cost_per_unit", "cost", "mean", "down", "secondary", "usd", 300),
    Metric("tokens_per_unit", "tokens", "mean", "down", "secondary", "tokens", 300),
)
METRICS = {metric.key: metric for metric in DISCOVERED_METRICS}

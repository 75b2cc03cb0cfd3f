"""What is compared: the metrics, what one unit contributes, and which direction is better."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

Role = Literal["goal", "guardrail", "secondary"]


@dataclass(frozen=True, slots=True)
class Metric:
    """One number a unit, in the column ``key`` of :mod:`experiments.units`.

    ``floor`` is how many units an arm needs before a difference may be called one.
    """

    key: str
    name: str
    type: Literal["proportion", "mean"]
    direction: Literal["up", "down"]
    role: Role
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
ROLE_ORDER: tuple[Role, ...] = ("goal", "guardrail", "secondary")
METRICS = {metric.key: metric for metric in DISCOVERED_METRICS}


def with_roles(roles: Mapping[str, Role]) -> list[Metric]:
    """Return all metrics, those with a role in its order, the others as secondary ones."""
    rest = [metric for metric in DISCOVERED_METRICS if metric.key not in roles]
    ranked = sorted(roles, key=lambda key: ROLE_ORDER.index(roles[key]))
    return [
        *(replace(METRICS[key], role=roles[key]) for key in ranked),
        *(replace(metric, role="secondary") for metric in rest),
    ]

"""Variants of runs in order of one mean: what the reader asks for, decided by nobody. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.numerals import read_whole
from experiments.metrics import METRICS, Metric
from experiments.results import ArmResult, MetricResult, Results, is_measured

RANKED_BY = ("metric_value", "success_rate", "duration")


@dataclass(frozen=True, slots=True)
class RankedVariant:
    place: int | None  # None: too few runs, or no value
    variant: str
    name: str
    arms: dict[str, ArmResult]  # by metric

    @property
    def value(self) -> ArmResult | None:
        return self.arms.get("metric_value")

    @property
    def success(self) -> ArmResult | None:
        return self.arms.get("success_rate")

    @property
    def duration(self) -> ArmResult | None:
        return self.arms.get("duration")


@dataclass(frozen=True, slots=True)
class Ranking:
    metric: Metric
    choices: list[Metric]
    minimum: int
    is_lower_better: bool
    rows: list[RankedVariant]


def rank_variants(results: Results, params: Mapping[str, str]) -> Ranking | None:
    """Rank by ``best`` (a metric), ``order`` (lower, higher) and ``min_runs``; bad ones are left.

    None when no run has a value of any of the metrics.
    """
    metrics = {each["key"]: each for each in results["metrics"] if each["key"] in RANKED_BY}
    measured = [key for key in RANKED_BY if key in metrics and is_measured(metrics[key])]
    if not measured:
        return None
    asked = params.get("best", "")
    chosen = METRICS[asked if asked in measured else measured[0]]
    by_variant = _arms_by_variant(metrics)
    order = params.get("order", "")
    is_lower = order == "lower" if order in {"lower", "higher"} else chosen.direction == "down"
    minimum = read_whole(params.get("min_runs", "")) or 1
    names = {each["key"]: each["name"] for each in results["variants"]}
    known = [variant for variant in names if variant in by_variant]
    arms = {variant: by_variant[variant].get(chosen.key) for variant in known}
    means = {
        variant: arm["mean"]
        for variant, arm in arms.items()
        if arm is not None and arm["n"] >= minimum and arm["mean"] is not None
    }
    ranked = sorted(means, key=lambda variant: means[variant] * (1 if is_lower else -1))
    rest = [variant for variant in known if variant not in means]
    places: list[tuple[int | None, str]] = [*enumerate(ranked, 1), *((None, one) for one in rest)]
    return Ranking(
        metric=chosen,
        choices=[METRICS[key] for key in measured],
        minimum=minimum,
        is_lower_better=is_lower,
        rows=[RankedVariant(place, one, names[one], by_variant[one]) for place, one in places],
    )


def _arms_by_variant(metrics: Mapping[str, MetricResult]) -> dict[str, dict[str, ArmResult]]:
    found: dict[str, dict[str, ArmResult]] = {}
    for key, metric in metrics.items():
        for arm in metric["arms"]:
            found.setdefault(arm["variant"], {})[key] = arm
    return found

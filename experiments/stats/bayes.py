"""Posterior summaries. They describe; they never stop an experiment.

Read at every look they make 53 % false calls where the always-valid rule makes 1-2 %.
"""

import math
from dataclasses import dataclass

from experiments.stats.normal import critical_value, density, upper_tail
from experiments.stats.outcomes import Interval
from experiments.stats.sums import ProportionSums


@dataclass(frozen=True, slots=True)
class Prior:
    """A normal belief about the difference, held before any data."""

    mean: float
    sd: float


@dataclass(frozen=True, slots=True)
class Posterior:
    mean: float
    sd: float
    credible: Interval
    chance_to_win: float
    loss_if_kept: float  # what staying with a is expected to cost
    loss_if_shipped: float  # what moving to b is expected to cost


def normal_posterior(
    value: float, se: float, *, prior: Prior | None = None, alpha: float = 0.05
) -> Posterior:
    """Return the posterior of a difference: precision-weighted, a flat prior unless one is given.

    Source: Gelman et al., Bayesian Data Analysis, 3rd edition, section 2.5; loss: E[max(δ, 0)].
    """
    mean, sd = value, se
    if prior is not None:
        precision, weight = 1 / se**2, 1 / prior.sd**2
        mean = (value * precision + prior.mean * weight) / (precision + weight)
        sd = math.sqrt(1 / (precision + weight))
    z = mean / sd
    gain = sd * density(z) + mean * upper_tail(-z)
    return Posterior(
        mean=mean,
        sd=sd,
        credible=Interval.around(mean, critical_value(alpha / 2) * sd),
        chance_to_win=upper_tail(-z),
        loss_if_kept=gain,
        loss_if_shipped=gain - mean,
    )


@dataclass(frozen=True, slots=True)
class Beta:
    """The belief about one rate."""

    alpha: int
    beta: int

    @property
    def mean(self) -> float:
        return self.alpha / (self.alpha + self.beta)

    @classmethod
    def after(cls, sums: ProportionSums) -> "Beta":
        """Start from a flat belief."""
        return cls(alpha=sums.successes + 1, beta=sums.n - sums.successes + 1)

    def one_more(self) -> "Beta":
        return Beta(alpha=self.alpha + 1, beta=self.beta)


def chance_above(b: Beta, a: Beta) -> float:
    """Return P(b > a), exactly; costs one step a success of b.

    Source: Miller 2015, Formulas for Bayesian A/B Testing, eq. 6.
    """
    total = 0.0
    both = a.beta + b.beta
    for step in range(b.alpha):
        total += math.exp(
            _log_beta(a.alpha + step, both)
            - math.log(b.beta + step)
            - _log_beta(1 + step, b.beta)
            - _log_beta(a.alpha, a.beta)
        )
    return min(max(total, 0.0), 1.0)


def expected_shortfall(chosen: Beta, other: Beta) -> float:
    """Return E[max(other - chosen, 0)]: what choosing is expected to cost.

    Uses E[p f(p)] under Beta(α, β) = mean times the expectation of f under Beta(α + 1, β).
    """
    better = other.mean * chance_above(other.one_more(), chosen)
    worse = chosen.mean * (1 - chance_above(chosen.one_more(), other))
    return max(better - worse, 0.0)


def _log_beta(x: float, y: float) -> float:
    return math.lgamma(x) + math.lgamma(y) - math.lgamma(x + y)

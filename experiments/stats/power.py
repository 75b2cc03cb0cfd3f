"""How many units a question needs, what a number of units can show, and how long it will take."""

import math
from collections.abc import Callable

from experiments.stats.normal import critical_value
from experiments.stats.sequential import half_width


def units_needed(delta: float, sd: float, *, power: float = 0.8, alpha: float = 0.05) -> float:
    """Return units an arm to show ``delta``, by the normal formula.

    Source: Kohavi, Tang, Xu 2020, chapter 15; about z²/4 too few at small n.
    """
    reach = critical_value(alpha / 2) + critical_value(1 - power)
    return 2 * (reach * sd / delta) ** 2


def units_needed_exact(
    delta: float, sd: float, *, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Return units an arm to show ``delta`` with a t test, by the noncentral t distribution.

    Source: as R's power.t.test with strict = FALSE (the far tail is left out).
    """
    from scipy.special import nctdtr, stdtrit

    def shortfall(n: float) -> float:
        df = 2 * (n - 1)
        reached = 1 - nctdtr(df, math.sqrt(n / 2) * abs(delta) / sd, stdtrit(df, 1 - alpha / 2))
        return float(reached) - power

    return _root_of(shortfall, low=2.0, high=units_needed(delta, sd, power=power, alpha=alpha) + 10)


def detectable_difference(
    n_per_arm: float, sd: float, *, power: float = 0.8, alpha: float = 0.05
) -> float:
    """Return the smallest difference that n units an arm would show."""
    reach = critical_value(alpha / 2) + critical_value(1 - power)
    return reach * sd * math.sqrt(2 / n_per_arm)


def sequential_inflation(n: int, *, alpha: float, tuning_units: int) -> float:
    """Return by how much the always-valid interval needs more units than the fixed one."""
    wider = half_width(1.0, n, alpha=alpha, tuning_units=tuning_units) / critical_value(alpha / 2)
    return wider**2


def days_left(missing_units: float, units_per_day: float) -> float | None:
    """Return days until the missing units have come, or None when none are coming."""
    if missing_units <= 0:
        return 0.0
    return missing_units / units_per_day if units_per_day > 0 else None


def _root_of(function: Callable[[float], float], *, low: float, high: float) -> float:
    """Bisect an increasing function to 1e-9."""
    while function(high) < 0:
        high *= 2
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        if function(middle) < 0:
            low = middle
        else:
            high = middle
    return high

"""Sample-ratio mismatch: did the units arrive in the proportions that were asked for?"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from experiments.stats.tails import chi_squared_tail

WARN_BELOW = 0.01
BLOCK_BELOW = 0.001
CONCENTRATION = 100.0
"""Weight of the mixture around the planned split. 100 finds 1000 : 1200 and loses little later."""


@dataclass(frozen=True, slots=True)
class SplitTest:
    """The sequential p decides; the χ² p describes the split as people know it."""

    status: str  # ok, warn, block, or no_units
    p: float | None
    chi2_p: float | None


def check_split(counts: Sequence[int], weights: Sequence[float]) -> SplitTest:
    """Compare counts with planned weights. An arm of weight 0 leaves the test."""
    kept = [(n, weight) for n, weight in zip(counts, weights, strict=True) if weight > 0]
    if len(kept) < 2 or not sum(n for n, _ in kept):
        return SplitTest(status="no_units", p=None, chi2_p=None)
    total = sum(weight for _, weight in kept)
    shares = [weight / total for _, weight in kept]
    found = [n for n, _ in kept]
    p = sequential_p(found, shares)
    status = "block" if p < BLOCK_BELOW else "warn" if p < WARN_BELOW else "ok"
    return SplitTest(status=status, p=p, chi2_p=chi_squared_p(found, shares))


def sequential_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return a p-value that may be read after every unit: 1 / Bayes factor, at most 1.

    The alternative is a Dirichlet mixture centred on the planned split; by Ville's inequality the
    chance that a fair split ever falls below α is at most α.
    Source: Lindon, Malek 2022, Anytime-Valid Inference for Multinomial Count Data, NeurIPS 35,
    eq. 6 and theorem 3.
    """
    n = sum(counts)
    log_factor = math.lgamma(CONCENTRATION) - math.lgamma(CONCENTRATION + n)
    for count, share in zip(counts, shares, strict=True):
        prior = CONCENTRATION * share
        log_factor += math.lgamma(prior + count) - math.lgamma(prior) - count * math.log(share)
    return math.exp(-max(log_factor, 0.0))


def chi_squared_p(counts: Sequence[int], shares: Sequence[float]) -> float:
    """Return Pearson's p of the split; for one look only.

    Source: Pearson 1900; the use for mismatches: Kohavi, Tang, Xu 2020, chapter 21.
    """
    n = sum(counts)
    distance = sum(
        (count - n * share) ** 2 / (n * share) for count, share in zip(counts, shares, strict=True)
    )
    return chi_squared_tail(distance, len(counts) - 1)

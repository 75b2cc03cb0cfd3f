"""Sums of money, of which a part may be unknown. Pure.

Of some calls nobody knows the cost (tracking.folding.is_unpriced). They are missing in a sum, which
says how many they are; a sum of nothing else is unknown, and never 0.
"""

NANO = 1e9


def dollars(cost_nano: int, n_unpriced: int) -> float | None:
    """US dollars of what is known; None where nothing is."""
    return None if n_unpriced > 0 and not cost_nano else cost_nano / NANO


def known_sum(column: str = "cost_nano", unpriced: str = "n_unpriced") -> str:
    """The SQL of the same over rows of sums; both are columns of this code."""
    return (
        f"CASE WHEN sum({unpriced}) <= 0 OR sum({column}) <> 0 THEN sum({column})::float8 / 1e9 END"
    )

"""Numbers as an experiment's sentences say them. Pure."""

from core.formats import clip, decimal, duration, money

UNIT_WORDS = {"rate": " points"}
NAME_LENGTH = 60


def signed_amount(unit: str, value: float) -> str:
    """+4.2 · −120 ms · +$0.0012: a difference in the unit of a metric, rates in points."""
    size = plain_amount(unit, abs(value))
    if size == plain_amount(unit, 0):
        return size
    return f"{'+' if value > 0 else '−'}{size}"


def plain_amount(unit: str, value: float) -> str:
    if unit == "rate":
        return f"{value * 100:.1f}".removesuffix(".0")
    return {"ms": duration, "usd": money}.get(unit, decimal)(value)


def unit_word(unit: str) -> str:
    return UNIT_WORDS.get(unit, "")


def short_name(name: str) -> str:
    return clip(name, NAME_LENGTH)


def small_p(p: float | None) -> str:
    """0.00002 rather than 2e-05; one significant digit, never 0."""
    if p is None:
        return "–"
    if p < 1e-6:
        return "under 0.000001"
    digits = 2 if p >= 0.01 else next(n for n in range(3, 8) if round(p, n) > 0)
    return f"{p:.{digits}f}"


def counted(n: int, noun: str) -> str:
    return f"{n} {noun}" if n == 1 else f"{n} {noun}s"

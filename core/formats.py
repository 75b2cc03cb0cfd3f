"""Numbers, durations and times as people read them. Pure; templates have them as filters.

Each takes None (or what is no number) and answers an en dash, so a table cell is never empty.
"""

import math
from datetime import UTC, datetime, timedelta

NOTHING = "–"
Number = int | float | None
_STEPS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def _finite(value: object) -> float | None:
    """Return the value as a number, or None when it is none that can be shown."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _three_digits(number: float) -> str:
    """Format with three significant digits: 1.23, 12.3, 123."""
    size = abs(number)
    digits = 2 if size < 9.995 else 1 if size < 99.95 else 0
    return f"{number:,.{digits}f}"


def clip(value: str, length: int) -> str:
    """Cut a text to so many characters. Django's ``truncatechars`` normalises it and looks at
    every character: a tenth of what a list costs."""
    return value if len(value) <= length else f"{value[: length - 1]}…"


def count(value: object) -> str:
    """12 · 9,842 · 12.3k · 4.56M"""
    number = _finite(value)
    if number is None:
        return NOTHING
    if abs(number) < 10_000:
        return f"{number:,.0f}"
    step, letter = next(pair for pair in _STEPS if abs(number) >= pair[0] * 0.9995)
    return f"{_three_digits(number / step)}{letter}"


def days_left(days: float) -> str:
    """about 6 days left: no more than a rate can tell, in either direction."""
    whole = round(days)
    if whole > 365:
        return "over a year left"
    return f"about {whole} days left" if whole > 1 else "about a day left"


def exact(value: object) -> str:
    """1,234,567: every digit, for titles and totals of a ledger."""
    number = _finite(value)
    return NOTHING if number is None else f"{number:,.0f}"


def decimal(value: object) -> str:
    """0.0123 · 1.23 · 12.3k: a value of no known unit, three significant digits."""
    number = _finite(value)
    if number is None:
        return NOTHING
    if number.is_integer() or abs(number) >= 10_000:
        return count(number)
    if abs(number) >= 1:
        return _three_digits(number)
    return f"{number:.3g}" if abs(number) < 1e-4 else f"{number:.{2 - _exponent(number)}f}"


def _exponent(number: float) -> int:
    return math.floor(math.log10(abs(number)))


def money(value: object) -> str:
    """$0 · $0.0042 · $1.23 · $12.3k, of US dollars"""
    number = _finite(value)
    if number is None:
        return NOTHING
    sign, size = ("−" if number < 0 else ""), abs(number)
    if size == 0:
        return "$0"
    if size < 0.00001:
        return f"{sign}<$0.00001"
    if size < 0.995:
        digits = max(2, 1 - _exponent(size))
        return f"{sign}${size:.{digits}f}"
    return f"{sign}${size:,.2f}" if size < 9_999.995 else f"{sign}${count(size)}"


def known_cost(value: object, n_unpriced: int = 0) -> str:
    """A sum of money of which some calls may be missing: $1.20 · ≥ $1.20 · –"""
    text = money(value)
    return f"≥ {text}" if n_unpriced and text != NOTHING else text


def unpriced(n_unpriced: int) -> str:
    """What is missing in such a sum, in words; "" where nothing is."""
    if not n_unpriced:
        return ""
    return f"the cost of {plural(n_unpriced, 'call,calls')} is unknown"


def duration(value: object) -> str:
    """0.4 ms · 340 ms · 1.2 s · 2 min 5 s · 3 h 4 min · 2 d 3 h, of milliseconds"""
    number = _finite(value)
    if number is None:
        return NOTHING
    size = abs(number)
    sign = "−" if number < 0 else ""
    if size < 999.5:
        return f"{sign}{size:.1f} ms" if 0 < size < 9.95 else f"{sign}{size:.0f} ms"
    if size < 59_950:
        return f"{sign}{size / 1000:.1f} s"
    return sign + _long_duration(round(size / 1000))


def _long_duration(seconds: int) -> str:
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86_400
    if hours < 1:
        return f"{minutes} min {seconds % 60} s" if seconds % 60 else f"{minutes} min"
    if days < 1:
        return f"{hours} h {minutes % 60} min" if minutes % 60 else f"{hours} h"
    return f"{days:,} d {hours % 24} h" if hours % 24 else f"{days:,} d"


def seconds(value: object) -> str:
    """A duration of seconds."""
    number = _finite(value)
    return NOTHING if number is None else duration(number * 1000)


def percent(value: object) -> str:
    """A rate of 0–1 as 0.04 %, 4.2 %, 100 %."""
    number = _finite(value)
    if number is None:
        return NOTHING
    share = number * 100
    size = abs(share)
    if size == 0 or size == 100:
        return f"{share:.0f} %"
    if 99.95 <= size < 100:
        return f"{'−' if share < 0 else ''}>99.9 %"
    digits = 1 if size >= 0.95 else 2
    return f"{share:,.{digits}f} %" if size >= 0.005 else "<0.01 %"


def signed(value: object) -> str:
    """+1.23 · −0.5 · 0"""
    number = _finite(value)
    if number is None:
        return NOTHING
    return _with_sign(number, decimal(abs(number)))


def signed_percent(value: object) -> str:
    """A relative change as +12.3 %, −4.0 %; +1,021 % from twice on."""
    number = _finite(value)
    if number is None:
        return NOTHING
    size = abs(number)
    return _with_sign(number, f"{size * 100:,.0f} %" if size >= 1 else percent(size))


def _with_sign(number: float, text: str) -> str:
    return f"{'+' if number > 0 else '−' if number < 0 else ''}{text}"


def ago(value: datetime | None, now: datetime | None = None) -> str:
    """just now · 12 s ago · 5 min ago · 3 h ago · 2 d ago · 4 Mar 2025"""
    if value is None:
        return NOTHING
    age = (now or datetime.now(UTC)) - value
    if age < timedelta(0):
        return "in the future" if age < timedelta(minutes=-1) else "just now"
    if age < timedelta(seconds=5):
        return "just now"
    return _age(int(age.total_seconds())) or f"{value:%-d %b %Y}"


def _age(seconds: int) -> str:
    for size, unit, limit in ((1, "s", 60), (60, "min", 60), (3600, "h", 24), (86_400, "d", 60)):
        if seconds < size * limit:
            return f"{seconds // size} {unit} ago"
    return ""


def moment(value: datetime | None) -> str:
    """21 Nov 2026, 09:14:03 UTC"""
    return NOTHING if value is None else f"{value.astimezone(UTC):%-d %b %Y, %H:%M:%S} UTC"


def compact_id(value: object, length: int = 16) -> str:
    """Shorten an id in its middle: both ends of an id tell it from its neighbours."""
    text = str(value or "")
    if len(text) <= length:
        return text or NOTHING
    tail = max(3, length // 3)
    return f"{text[: length - tail - 1]}…{text[-tail:]}"


def plural(value: object, words: str) -> str:
    """{{ n|plural:"span,spans" }} → 1 span, 12.3k spans"""
    one, _, many = words.partition(",")
    return f"{count(value)} {one if value == 1 or not many else many}"


def position(share: object) -> str:
    """A share of 0–1 as the position in an SVG: 12.34%."""
    number = _finite(share) or 0.0
    return f"{min(1.0, max(0.0, number)) * 100:.2f}%"


def extent(share: object) -> str:
    """A share of 0–1 as a width in an SVG, never too small to be seen."""
    return position(max(0.004, _finite(share) or 0.0))


def indent(depth: int) -> int:
    """The width of a tree's indentation in pixels; very deep trees stop moving right."""
    return min(depth, 16) * 14


def plus(first: float | None, second: float | None) -> float:
    """A sum in which nothing counts as 0."""
    return (first or 0) + (second or 0)


def half(value: float) -> float:
    return value / 2

"""Prices that a project sets itself: which one holds for a call, and what it leaves to the list.

Pure. A rate is nano-dollars a token; people give dollars a million tokens.
"""

from collections.abc import Iterable, Mapping
from fractions import Fraction

import msgspec

Named = Mapping[str, Fraction]
"""Rates by kind of token."""

LIST_KINDS = {
    "input": "input_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "input_audio": "input_audio_mtok",
    "input_image": "input_image_mtok",
    "output": "output_mtok",
    "reasoning": "output_reasoning_mtok",
    "output_audio": "output_audio_mtok",
    "output_image": "output_image_mtok",
}
"""Kinds of tokens, and how genai-prices calls their rate."""

SIDES = {
    kind: "output" if kind == "reasoning" or kind.startswith("output") else "input"
    for kind in LIST_KINDS
}
"""Each kind of token is among the input tokens or among the output tokens."""

BASES = frozenset(SIDES.values())

OTHERS = tuple(kind for kind in LIST_KINDS if kind not in BASES and "cache" not in kind)
"""Kinds that are charged at the plain rate of their side where they have none of their own."""

NANO_A_MILLION = 1_000  # a dollar a million tokens is so many nano-dollars a token
WILDCARD = "*"
MAX_WILDCARDS = 3  # of a pattern that people still understand


class Override(msgspec.Struct, frozen=True):
    """A project's own price of the models that a pattern names, from a day until before another."""

    id: int
    provider: str  # "" is any; lower case, as ``model``
    model: str  # a name, with * for any characters
    first_day: int  # since 1970
    end_day: int | None
    rates: dict[str, Fraction]

    def covers(self, provider: str, model: str, day: int) -> bool:
        if day < self.first_day or (self.end_day is not None and day >= self.end_day):
            return False
        return self.provider in ("", provider) and _matches(self.model, model)

    @property
    def rank(self) -> tuple[bool, bool, int, int, int]:
        """Of several the most particular one holds, then the one that began last."""
        is_exact = WILDCARD not in self.model
        letters = len(self.model.replace(WILDCARD, ""))
        return is_exact, self.provider != "", letters, self.first_day, self.id


def _matches(pattern: str, model: str) -> bool:
    """Whether a name is what a pattern says, * being any characters. Each piece is taken where it
    comes first, so that a long name is gone through once."""
    first, *pieces = pattern.split(WILDCARD)
    if not pieces:
        return pattern == model
    *middle, last = pieces
    at, end = len(first), len(model) - len(last)
    if at > end or not (model.startswith(first) and model.endswith(last)):
        return False
    for piece in middle:
        found = model.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def pick_override(
    overrides: Iterable[Override], provider: str, model: str, day: int
) -> Override | None:
    named = provider.strip().lower(), model.strip().lower()
    covering = [override for override in overrides if override.covers(*named, day)]
    return max(covering, key=lambda override: override.rank, default=None)


def merge_rates(listed: Named, own: Named) -> Named:
    """A project's rates, and the list's for what they leave out.

    An own rate of input (or output) stands for all kinds on its side: what is cached costs no list
    price where the rest is free.
    """
    merged = dict(own)
    for kind, rate in listed.items():
        if SIDES[kind] not in own:
            merged.setdefault(kind, rate)
    return merged

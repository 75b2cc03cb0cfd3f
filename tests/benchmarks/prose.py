"""English-like text from a seed: words by Zipf's law, so that it compresses as prose does."""

import itertools
import math
import random

COMMON = (
    "the of and to in a is that for it was on are as with his they at be this from or by one had"
    " not but what all were when there can an your which said if do will each about how up out"
    " them then many some so these would other into has more two like him see time could than"
    " first been its who now people made over did down only way find use may order customer"
    " refund account model answer please shipping status ticket"
)
SYLLABLES = (
    "ta re in con der li mo st er ing pro ver al ment tion an o per ca su ble ty ex ne di for"
)
RARE_WORDS = 9_000
POOL_CHARS = 3_000_000


class Prose:
    """Slices of one pool: cheap, and two slices seldom overlap within a compressor's window."""

    def __init__(self, seed: str) -> None:
        rng = random.Random(seed)
        syllables = SYLLABLES.split()
        made = ("".join(rng.choices(syllables, k=rng.randint(2, 4))) for _ in range(RARE_WORDS))
        rare = sorted(set(made))  # a set's own order differs from process to process
        rng.shuffle(rare)
        words = COMMON.split() + rare
        weights = list(itertools.accumulate(1 / (rank + 2.7) for rank in range(len(words))))
        sentences: list[str] = []
        size = 0
        while size < POOL_CHARS:
            chosen = rng.choices(words, cum_weights=weights, k=rng.randint(6, 22))
            end = ".\n\n" if rng.random() < 0.08 else ". "
            sentences.append(" ".join(chosen).capitalize() + end)
            size += len(sentences[-1])
        self.pool = "".join(sentences)

    def take(self, rng: random.Random, length: int) -> str:
        start = rng.randrange(len(self.pool) - length)
        return self.pool[start : start + length]

    def message(self, rng: random.Random, *, low: int = 200, high: int = 4_000) -> str:
        """Lengths spread evenly over the orders of magnitude."""
        return self.take(rng, int(math.exp(rng.uniform(math.log(low), math.log(high)))))

"""How many different names there are, of sums that add up and can be taken back. Pure.

HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, AofA 2007) with 1,024 registers, a standard error
of 3.3 %: a name falls into one register by ten bits of its hash, with a rank by the zeros before
the first one of the others. A register knows its greatest rank alone, and so cannot forget. What is
stored counts each *cell* (register and rank) instead, as the ``int8[]`` of ``cell << 32 | count``
that tracking.sketches adds and takes away exactly; registers are made of the cells that are left.
"""

import math
from collections.abc import Iterable
from functools import lru_cache

from xxhash import xxh64_intdigest

REGISTER_BITS = 10
REGISTERS = 1 << REGISTER_BITS
RANK_BITS = 6
HASH_BITS = 64 - REGISTER_BITS
_ALPHA = 0.7213 / (1 + 1.079 / REGISTERS)

Registers = bytes
"""The greatest rank of each register; 0 where no name fell into it."""

NONE: Registers = bytes(REGISTERS)


@lru_cache(maxsize=65_536)
def cell_of(name: str) -> int:
    """The cell that a name is counted in: ``register << RANK_BITS | rank``."""
    hashed = xxh64_intdigest(name.encode())
    register, rest = hashed & (REGISTERS - 1), hashed >> REGISTER_BITS
    return register << RANK_BITS | HASH_BITS + 1 - rest.bit_length()


def registers_of(cells: Iterable[int]) -> Registers:
    """The registers of cells in which something is left."""
    found = bytearray(REGISTERS)
    for cell in cells:
        register, rank = cell >> RANK_BITS, cell & (1 << RANK_BITS) - 1
        found[register] = max(found[register], rank)
    return bytes(found)


def union(parts: Iterable[Registers]) -> Registers:
    """The registers of all names of all parts."""
    return bytes(map(max, NONE, NONE, *parts))


def estimate(registers: Registers) -> int:
    """How many different names; few ones by the registers that are empty."""
    raw = _ALPHA * REGISTERS**2 / sum(2.0**-rank for rank in registers)
    n_empty = registers.count(0)
    if raw <= 2.5 * REGISTERS and n_empty:
        return round(REGISTERS * math.log(REGISTERS / n_empty))
    return round(raw)

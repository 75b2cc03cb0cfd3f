"""The events that a document stands for now, as bytes: 32 an event. Pure."""

import struct
from collections.abc import Mapping

_ENTRY = struct.Struct(">q16sq")

DerivedKeys = dict[tuple[int, bytes], int]
"""(occurred_us, id) → content rank."""


def pack_derived(keys: Mapping[tuple[int, bytes], int]) -> bytes:
    entries = sorted((at, identity, rank) for (at, identity), rank in keys.items())
    return b"".join(_ENTRY.pack(*entry) for entry in entries)


def unpack_derived(packed: bytes) -> DerivedKeys:
    return {(at, identity): rank for at, identity, rank in _ENTRY.iter_unpack(packed)}

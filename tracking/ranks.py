"""Ranks as sortable bytes: how the minimum that names a trace's session is stored. Pure."""

from tracking.folding import Key

OFFSET = 1 << 63


def pack_key(key: Key | None) -> bytes | None:
    """(has a parent, occurred_us, id) so that the order of the bytes is the order of the keys."""
    if key is None:
        return None
    has_parent, occurred_us, identity = key
    return bytes([has_parent]) + (occurred_us + OFFSET).to_bytes(8) + identity


def unpack_key(rank: bytes | memoryview | None) -> Key | None:
    if rank is None:
        return None
    rank = bytes(rank)
    return bool(rank[0]), int.from_bytes(rank[1:9]) - OFFSET, rank[9:]


def pack_last(key: tuple[int, int, bytes]) -> bytes:
    """(occurred_us, precedence, id) of the latest value of a metric."""
    occurred_us, precedence, identity = key
    return (occurred_us + OFFSET).to_bytes(8) + bytes([precedence]) + identity


def unpack_last(rank: bytes | memoryview) -> tuple[int, int, bytes]:
    rank = bytes(rank)
    return int.from_bytes(rank[:8]) - OFFSET, rank[8], rank[9:]

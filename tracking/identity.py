"""Who an item is, and which of two contents of it wins. Pure.

The three kinds of identity carry different BLAKE2 personalisations, so that no id that a stranger
chooses can collide with a span or with the content of another item.
"""

from hashlib import blake2b

from xxhash import xxh64_intdigest

_SIGN = 1 << 63
_SPAN = b"assay.span"
_GIVEN = b"assay.given"
_CONTENT = b"assay.content"


def span_identity(trace_id: str, span_id: str) -> bytes:
    text = f"{trace_id}\0{span_id}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16, person=_SPAN).digest()


def given_identity(item_id: str) -> bytes:
    text = item_id.encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16, person=_GIVEN).digest()


def content_identity(canonical: bytes, ordinal: int) -> bytes:
    """Identify an item without an id by its canonical JSON and its place among its equals."""
    digest = blake2b(canonical, digest_size=16, person=_CONTENT)
    digest.update(b"\0%d" % ordinal)
    return digest.digest()


def content_rank(content: bytes) -> int:
    """Rank the content of re-sent items: a signed 64-bit hash, the greater wins.

    XXH64, not XXH3: between other work the wide vector instructions of the latter cost 6 us a span.
    """
    rank = xxh64_intdigest(content)
    return rank - (_SIGN << 1) if rank >= _SIGN else rank

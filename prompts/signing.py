"""The signature of a webhook: HMAC-SHA256 over ``<unix seconds>.<body>``. Pure.

The time is signed too, so that a message that somebody kept is refused once it is old.
"""

import hmac

HEADER = "X-Assay-Signature"
REPLAY_SECONDS = 300  # what docs/webhooks.md tells receivers to accept


def sign(secret: str, body: bytes, *, at: int) -> str:
    """The value of the header: ``t=<unix seconds>,v1=<hex>``."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, "sha256").hexdigest()
    return f"t={at},v1={digest}"


def is_signed(header: str, secret: str, body: bytes, *, now: int) -> bool:
    """What a receiver does."""
    said, _, _ = header.partition(",")
    if not said.startswith("t=") or not (text := said[2:]).isdecimal() or len(text) > 12:
        return False
    at = int(text)
    expected = sign(secret, body, at=at)
    fresh = abs(now - at) <= REPLAY_SECONDS
    return hmac.compare_digest(expected.encode(), header.encode()) and fresh

"""How long a request's body may take, and why one is not read to its end. Pure.

The idea of Apache's mod_reqtimeout: some seconds for a beginning, and more with each byte received.
"""

from dataclasses import dataclass

GRACE_SECONDS = 10.0
SLOWEST = 4_096  # bytes a second, on average, after the grace
MOST_SECONDS = 600.0
SHORT = 64 * 1024  # bytes that anybody may send
# 20 MiB in chunks of a byte would take a quarter of an hour of CPU.
FREE_PIECES, MEAN_PIECE = 4_096, 256

REFUSAL = "assay.refusal"
"""Where a WSGI environment carries the Refusal of its body, which is then empty."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a body was not received: an HTTP status, and what to say."""

    status: int
    code: str
    detail: str
    retry_after: int | None = None  # seconds
    may_go_on: bool = True  # whether its sender may still be sending

    @property
    def headers(self) -> dict[str, str]:
        return {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}


class RefusedError(Exception):
    """A body is not received."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.detail)
        self.refusal = refusal


def seconds_for(n_bytes: int) -> float:
    """How long so many bytes may take."""
    return min(GRACE_SECONDS + n_bytes / SLOWEST, MOST_SECONDS)


def is_crumbled(n_bytes: int, n_pieces: int) -> bool:
    return n_pieces > FREE_PIECES and n_bytes < n_pieces * MEAN_PIECE


def too_slow() -> Refusal:
    return Refusal(
        408,
        "too_slow",
        "The body came too slowly: it has"
        f" {GRACE_SECONDS:.0f} seconds, and one more for each {SLOWEST:,} bytes received.",
        may_go_on=False,
    )


def too_long(limit: int, *, declared: int | None = None) -> Refusal:
    size = f"more than {limit}" if declared is None else str(declared)
    return Refusal(
        413, "too_large", f"The body is {size} bytes as sent; the limit is {limit} bytes."
    )


def too_many_chunks() -> Refusal:
    return Refusal(
        413, "too_many_chunks", f"The body comes in chunks of less than {MEAN_PIECE} bytes each."
    )


def cut_off(length: int | None) -> Refusal:
    said = "" if length is None else f" of {length:,} bytes"
    detail = f"The body{said} was cut off on the way (or ends in trailers)."
    return Refusal(400, "bad_body", detail, may_go_on=False)


def too_much_at_once() -> Refusal:
    return Refusal(
        503,
        "busy",
        "The server receives too many large bodies at this moment; send this one again.",
        retry_after=5,
    )


def stopping() -> Refusal:
    return Refusal(
        503,
        "stopping",
        "The server is being stopped, and may be here again in a moment: send this again. What it"
        " has stored already is not counted twice.",
        retry_after=1,
    )


def unknown_sender() -> Refusal:
    return Refusal(
        401, "unknown_sender", f"A body of more than {SHORT:,} bytes needs an API key or a session."
    )

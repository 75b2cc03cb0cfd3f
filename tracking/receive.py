"""The door: a request is inflated within limits, checked, and committed as one inbox row.

Acknowledged means committed. Nothing here talks to a broker or a cache.
"""

import datetime
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec
from django.conf import settings
from django.db import OperationalError

from core.keys import KeyInfo
from core.memory import give_back_soon
from tracking.adapters import ADAPTERS, fallom_headers
from tracking.doorbell import ring
from tracking.events import Receipt, Rejection
from tracking.inflate import inflate
from tracking.patience import Patience, SlowError
from tracking.staging import EPOCH, MICROSECOND, open_cursor

# Binary parameters: the body travels as it is, not as hex in the text of a statement.
INSERT = (
    "INSERT INTO tracking_inboxbatch (project_id, format, encoding, body, headers, n_items,"
    " n_bytes, horizon_us, received_at, lease_until, attempts, last_error)"
    " VALUES (%s, %s, %s, %b, %s::jsonb, %s, %s, %s, %s, %s, 0, '')"
)
LARGE_BYTES, LARGE_AT_ONCE = 1024 * 1024, 2
DAY_US = 86_400_000_000
KEPT_HEADERS = (
    *("user-agent", "idempotency-key", "x-request-id", "x-session-id", "x-backend"),
    "x-assay-page-key",
    *fallom_headers.HEADERS,
)


_patience = Patience()
_large = threading.BoundedSemaphore(LARGE_AT_ONCE)


class Accepted(msgspec.Struct, frozen=True):
    n_items: int
    rejections: list[Rejection]

    @property
    def n_accepted(self) -> int:
        return self.n_items - len(self.rejections)


def accept_batch(
    key: KeyInfo,
    *,
    format: str,  # noqa: A002 — the wire format's name, as the column is called
    body: bytes,
    encoding: str,
    headers: Mapping[str, str],
    now: datetime.datetime,
) -> Accepted:
    """Commit a request to the inbox.

    Raises TooLargeError, UnknownEncodingError and BadBodyError for the sender, and OperationalError
    when the database is away, or so slow that few may wait for it.
    """
    received_us = (now - EPOCH) // MICROSECOND
    kept = {name: headers[name][:500] for name in KEPT_HEADERS if headers.get(name)}
    receipt = Receipt(received_us, _horizon_us(key, received_us), kept)
    plain = inflate(body, encoding, limit=settings.INGEST_MAX_BYTES)
    with _turn_of(len(plain)):
        n_items, rejections = ADAPTERS[format].check(plain, receipt=receipt)
    if n_items:
        row = (
            key.project_id,
            format,
            encoding,
            body,
            msgspec.json.encode(kept).decode(),
            n_items,
            len(plain),
            receipt.horizon_us,
            now,
            now,
        )
        _commit(row)
        ring("digest")
    return Accepted(n_items, rejections)


@contextmanager
def _turn_of(n_bytes: int) -> Iterator[None]:
    """Few large bodies are read at once: what they hold takes some twenty times their bytes, and
    the interpreter reads no two of them faster than one after the other."""
    if n_bytes <= LARGE_BYTES:
        yield
        return
    with _large:
        yield
    give_back_soon()


def _commit(row: tuple[object, ...]) -> None:
    try:
        with _patience.turn(), open_cursor() as cursor:
            cursor.execute(INSERT, row)
    except SlowError:
        raise OperationalError("the database is slow, and others wait for it") from None


def _horizon_us(key: KeyInfo, received_us: int) -> int:
    days = key.horizon_days or settings.INGEST_HORIZON_DAYS
    horizon_us = received_us - days * DAY_US
    if key.events_from is None:
        return horizon_us
    return max(horizon_us, (key.events_from - EPOCH) // MICROSECOND)

"""Reading a request's body under a limit, however it was sent."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from tracking.events import BadBodyError
from tracking.inflate import TooLargeError

DRAIN_BYTES = 4 * 1024 * 1024
CHUNK = 256 * 1024


def read_body(request: HttpRequest) -> bytes:
    """The body as sent. Raises TooLargeError once it is larger than the limit, and BadBodyError for
    one that was cut: its beginning may be a body as well, of fewer items."""
    limit: int = settings.INGEST_MAX_BYTES
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > limit:
        raise TooLargeError(limit=limit, size=length, inflated=False)
    if length or not _is_chunked(request):
        whole = request.body
        if len(whole) < length:
            raise BadBodyError(f"the body ended after {len(whole):,} of {length:,} bytes")
        return whole
    # Django trusts Content-Length alone and sees nothing of a chunked body.
    body: bytes = request.META["wsgi.input"].read(limit + 1)
    if len(body) > limit:
        raise TooLargeError(limit=limit, size=len(body), inflated=False)
    return body


def drain_body(request: HttpRequest) -> None:
    """Read away what a refused request still sends: an unread body breaks the connection for the
    next request on it. Bodies beyond a few megabytes are left to the server to cut off."""
    if hasattr(request, "_body") or not (
        request.META.get("CONTENT_LENGTH") or _is_chunked(request)
    ):
        return
    length = int(request.META.get("CONTENT_LENGTH") or DRAIN_BYTES)
    source, left = request.META["wsgi.input"], min(length, DRAIN_BYTES)
    while left > 0 and (piece := source.read(min(CHUNK, left))):
        left -= len(piece)


def _is_chunked(request: HttpRequest) -> bool:
    return "chunked" in request.META.get("HTTP_TRANSFER_ENCODING", "").lower()


class NoParser(BaseParser):
    """The view reads the body itself: formats are told apart by shape, not by content type."""

    media_type = "*/*"

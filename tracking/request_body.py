"""Reading a request's body under a limit."""

from django.conf import settings
from django.http import HttpRequest
from rest_framework.parsers import BaseParser

from tracking.inflate import TooLargeError


def read_body(request: HttpRequest) -> bytes:
    """The body as sent: the web server gives none that was cut, and none without a length
    (``core.serving``). Raises TooLargeError for one larger than the limit."""
    limit: int = settings.INGEST_MAX_BYTES
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > limit:
        raise TooLargeError(limit=limit, size=length, inflated=False)
    return request.body


class NoParser(BaseParser):
    """The view reads the body itself: formats are told apart by shape, not by content type."""

    media_type = "*/*"

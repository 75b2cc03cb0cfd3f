"""Publishable keys: they stand in the address, and pages of other origins use them.

A browser asks first (CORS preflight, Fetch standard) unless the request is as plain as a form; it
is answered by the origins of the key alone, without credentials.
"""

import re
from collections.abc import Iterable

from django.http import HttpResponse
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from core.authentication import BAD_KEY, KEY_CLIENT, KeyClient
from core.keys import KeyInfo, authenticate_key

ANY = "*"
PREFLIGHT_SECONDS = "7200"  # as long as browsers remember at most
ALLOWED_HEADERS = "Content-Type, Content-Encoding, Idempotency-Key, *"
"""Any: tracing libraries add theirs (traceparent, baggage) to every fetch of a page, which browsers
block otherwise. Headers say nothing here but those named, which old browsers look for."""

EXPOSED_HEADERS = "Retry-After"
_is_origin = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::\d{1,5})?"
).fullmatch


class OriginError(ValueError):
    """A line of an origin list is no origin. The message says which."""


def read_origins(lines: Iterable[str]) -> list[str]:
    """Read origins as people write them: spaces, capitals and a closing slash mean nothing."""
    found = []
    for line in lines:
        origin = line.strip().lower().rstrip("/")
        if not origin:
            continue
        if not _is_origin(origin):
            raise OriginError(f"{line.strip()[:80]!r} is no origin like https://app.example.com")
        found.append(origin)
    return sorted(set(found))


def allowed_origin(key: KeyInfo | None, origin: str) -> str:
    """What Access-Control-Allow-Origin says to a page of this origin; "" when it may not ask.

    A page with an unknown key may read that it is unknown.
    """
    if key is None or not key.origins:
        return ANY
    return origin if origin.lower() in key.origins else ""


def add_cors_headers(response: HttpResponse, key: KeyInfo | None, origin: str) -> None:
    response.headers["Vary"] = "Origin"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    allowed = allowed_origin(key, origin)
    if allowed:
        response.headers["Access-Control-Allow-Origin"] = allowed
        response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS


def preflight_response() -> HttpResponse:
    return HttpResponse(
        status=204,
        headers={
            "Access-Control-Allow-Methods": "POST",
            "Access-Control-Allow-Headers": ALLOWED_HEADERS,
            "Access-Control-Max-Age": PREFLIGHT_SECONDS,
        },
    )


def find_path_key(text: str) -> KeyInfo | None:
    """Return the publishable key of an address; a secret key there is as good as unknown."""
    info = authenticate_key(text)
    return info if info is not None and info.is_publishable else None


class PathKeyAuthentication(BaseAuthentication):
    """Sets ``request.auth`` to the publishable key of the address; headers mean nothing."""

    def authenticate(self, request: Request) -> tuple[KeyClient, KeyInfo]:
        info = find_path_key(request.parser_context["kwargs"]["key"])
        if info is None:
            raise AuthenticationFailed(f"{BAD_KEY} An address takes a publishable one (pk_…).")
        origin = request.headers.get("Origin", "")
        if origin and not allowed_origin(info, origin):
            raise PermissionDenied(f"This key is not meant for pages of {origin[:300]}.")
        return KEY_CLIENT, info

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="assay"'

"""Headers of every answer, and the short way of what machines send."""

from collections.abc import Callable
from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, ResolverMatch, resolve

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class PrivateCacheMiddleware:
    """Nothing but static files may be kept by a shared cache, whatever a path looks like.

    Stands above WhiteNoise so that errors made below it carry the headers too.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        is_static = request.path.startswith(f"/{settings.STATIC_URL.strip('/')}/")
        if not is_static and "private" not in response.get("Cache-Control", ""):
            response["Cache-Control"] = "private, no-store"
        response["Permissions-Policy"] = PERMISSIONS_POLICY
        # What pages of other origins may use says so itself (core.publishable).
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        return response


class DoorsMiddleware:
    """Requests of machines pass by what is there for people: sessions, CSRF, messages, page CSP.

    All that takes half as long as accepting a hundred spans. A view class says that it is a door
    by ``is_door``; it authenticates by key alone and answers every error itself.
    """

    PREFIXES = ("/v1/", "/api/", "/fallom/", "/k/")
    HEADERS: ClassVar[dict[str, str]] = {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
    }

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        match = _door_of(request)
        if match is None:
            return self.get_response(request)
        request.get_host()  # raises for a host that is not ours, as CommonMiddleware does
        request.resolver_match = match
        response: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
        if isinstance(response, SimpleTemplateResponse):
            response.render()
        for name, value in self.HEADERS.items():
            response.headers.setdefault(name, value)
        return response


def _door_of(request: HttpRequest) -> ResolverMatch | None:
    if not request.path_info.startswith(DoorsMiddleware.PREFIXES):
        return None
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return None
    is_door = getattr(getattr(match.func, "cls", None), "is_door", False)
    return match if is_door else None

"""Headers of every answer, and the short way of what machines send."""

from collections.abc import Callable
from typing import ClassVar

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.loader import render_to_string
from django.template.response import SimpleTemplateResponse
from django.urls import Resolver404, ResolverMatch, resolve

from core.api import is_api_path, problem_http
from core.serving.pacing import REFUSAL, Refusal

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

    HEADERS: ClassVar[dict[str, str]] = {
        "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
        "X-Frame-Options": "DENY",
    }

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        match = _door_of(request)
        refusal: Refusal | None = request.META.get(REFUSAL)
        if refusal is not None and not _tells_refusals(match):
            return refusal_response(request, refusal)
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
    if not is_api_path(request.path_info):
        return None
    try:
        match = resolve(request.path_info)
    except Resolver404:
        return None
    is_door = getattr(getattr(match.func, "cls", None), "is_door", False)
    return match if is_door else None


def _tells_refusals(match: ResolverMatch | None) -> bool:
    return getattr(getattr(getattr(match, "func", None), "cls", None), "tells_refusals", False)


def refusal_response(request: HttpRequest, refusal: Refusal) -> HttpResponse:
    """Say why the body of a request was not received."""
    if is_api_path(request.path):
        return problem_http(
            refusal.status, refusal.detail, code=refusal.code, headers=refusal.headers
        )
    page = render_to_string(
        "core/error.html", {"status": refusal.status, "message": refusal.detail}
    )
    return HttpResponse(page, status=refusal.status, headers=refusal.headers)

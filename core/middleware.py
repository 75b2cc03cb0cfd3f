"""Headers of every answer."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

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

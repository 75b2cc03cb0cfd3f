"""Doors for web pages: ``/k/<publishable key>/…``, the same as those beside them, with CORS."""

from typing import TYPE_CHECKING, Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from core.api import DATABASE_ERRORS
from core.publishable import (
    PathKeyAuthentication,
    add_cors_headers,
    find_path_key,
    preflight_response,
)
from tracking.ingest_views import EventsView, IngestView
from tracking.score_views import ScoresView

if TYPE_CHECKING:
    DoorOfPages = IngestView
else:
    DoorOfPages = object  # a mixin, typed by what it is mixed into


class FromPages(DoorOfPages):
    """Takes the key from the address and answers pages of the origins that the key names."""

    authentication_classes = [PathKeyAuthentication]
    http_method_names = ["post", "options"]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.method != "OPTIONS":
            return super().dispatch(request, *args, **kwargs)
        response = preflight_response()
        self._let_in(request, response, kwargs["key"])
        return response

    def finalize_response(
        self, request: Any, response: Response, *args: Any, **kwargs: Any
    ) -> Response:
        found = super().finalize_response(request, response, *args, **kwargs)
        self._let_in(request, found, kwargs["key"])
        return found

    def _let_in(self, request: Any, response: Any, key: str) -> None:
        try:
            known = find_path_key(key)
        except DATABASE_ERRORS:
            known = None  # any page may read that the database is away
        add_cors_headers(response, known, request.headers.get("Origin", ""))


@extend_schema(exclude=True)
class PublishableEventsView(FromPages, EventsView):
    """JSON events with a publishable key in the address."""


@extend_schema(exclude=True)
class PublishableScoresView(FromPages, ScoresView):
    """Scores with a publishable key in the address: what users say of an answer."""

"""Doors of ingestion: read the body, accept it, answer in the sender's language."""

import logging
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import Problem
from core.authentication import ApiKeyAuthentication, HasScope
from core.keys import KeyInfo
from core.refusals import note_refusal
from core.serving.pacing import REFUSAL, Refusal
from tracking.events import BadBodyError
from tracking.inflate import TooLargeError, UnknownEncodingError
from tracking.ingest_schema import events_schema, status_schema
from tracking.ingest_status import read_status
from tracking.receive import Accepted, accept_batch
from tracking.request_body import NoParser, read_body

logger = logging.getLogger(__name__)
UNREAD = {400, 408, 413, 415}
UNFORESEEN = Problem(
    503, "The server failed on this request; send it again.", headers={"Retry-After": "1"}
)


class FirstRenderer(BaseContentNegotiation):
    """Ingestion answers in one format a path, whatever ``Accept`` says."""

    def select_parser(self, request, parsers):  # type: ignore[no-untyped-def]
        return parsers[0]

    def select_renderer(self, request, renderers, format_suffix=None):  # type: ignore[no-untyped-def]
        return renderers[0], renderers[0].media_type


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


PAGE_KEY = "x-assay-page-key"
"""What the server itself notes among the headers: the publishable key of a request from a page."""


class IngestView(APIView):
    """What all doors share. The whole body is read before any answer leaves."""

    authentication_classes = [ApiKeyAuthentication]
    permission_classes = [HasScope]
    parser_classes = [NoParser]
    renderer_classes: list[type[BaseRenderer]] = [JSONRenderer]
    content_negotiation_class = FirstRenderer
    required_scope: str | dict[str, str] = "ingest"
    is_door = True  # core.middleware.DoorsMiddleware
    tells_refusals = True  # that of a body which was not received
    http_method_names = ["post", "options"]

    def accept(
        self, request: Request, wire_format: str, *, said: Mapping[str, str] | None = None
    ) -> Accepted:
        """Commit the request. ``said``: what counts as headers but was said elsewhere.

        One that is refused whole leaves no item in the ledger, and its sender may not look: it is
        counted by its key.
        """
        key = request.auth
        assert isinstance(key, KeyInfo)  # HasScope lets nobody else in
        try:
            return self._commit(request, key, wire_format, said or {})
        except Problem as error:
            if error.status_code in UNREAD:
                note_refusal(key.project_id, key.prefix, error.status_code)
            raise

    def _commit(
        self, request: Request, key: KeyInfo, wire_format: str, said: Mapping[str, str]
    ) -> Accepted:
        check_received(request)
        try:
            return accept_batch(
                key,
                format=wire_format,
                body=read_body(request._request),
                encoding=request.headers.get("Content-Encoding", "").strip().lower(),
                headers={
                    **_lower(request.headers),
                    **said,
                    PAGE_KEY: key.prefix if key.is_publishable else "",
                },
                now=timezone.now(),
            )
        except TooLargeError as error:
            raise Problem(413, str(error), code="too_large") from error
        except UnknownEncodingError as error:
            raise Problem(415, str(error), code="unknown_encoding") from error
        except BadBodyError as error:
            raise Problem(400, str(error), code="bad_body") from error

    def handle_exception(self, exc: Exception) -> HttpResponse:  # type: ignore[override]
        try:
            problem = super().handle_exception(exc)
        except Exception:
            # A bug of ours must not cost the sender its data: 503 is sent again by every client.
            logger.exception("Ingestion failed")
            problem = super().handle_exception(UNFORESEEN)
        return self.error_response(problem)

    def error_response(self, problem: Response) -> HttpResponse:
        """The answer in the words of the path's protocol; ``problem`` is problem+json."""
        return problem


def check_received(request: Request) -> None:
    """Raise what the web server says of a body that it did not receive (core.serving)."""
    refusal: Refusal | None = request.META.get(REFUSAL)
    if refusal is not None:
        raise Problem(refusal.status, refusal.detail, code=refusal.code, headers=refusal.headers)


class EventsView(IngestView):
    """JSON events: one, ``{"events": […]}``, a bare array, or JSON Lines."""

    takes_publishable = True

    @events_schema
    def post(self, request: Request, **_: Any) -> Response:  # what the address names
        accepted = self.accept(request, "analytics")
        rejected = [
            {"index": r.index, "code": r.code, "message": r.message} for r in accepted.rejections
        ]
        return Response({"accepted": accepted.n_accepted, "rejected": rejected}, status=202)


class IngestStatusView(APIView):
    """How far the project's ingestion is: what waits, and the ledger of what is done."""

    required_scope = {"GET": "ingest"}

    @status_schema
    def get(self, request: Request) -> Response:
        key = request.auth
        assert isinstance(key, KeyInfo)  # HasScope lets nobody else in
        return Response(asdict(read_status(key.project_id, now=timezone.now())))

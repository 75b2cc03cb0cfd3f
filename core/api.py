"""What the API answers when something is wrong, as problem+json (RFC 9457); bodies are read."""

import json
from http import HTTPStatus
from typing import Any, TypedDict

import psycopg
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404, HttpResponse
from rest_framework import exceptions
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

PROBLEM_TYPE = "application/problem+json"
API_PREFIXES = ("/api/", "/v1/", "/fallom/", "/k/")
NO_KEY = "An API key is needed: Authorization: Bearer <key>, or X-API-Key: <key>."
# Ingestion reads and writes by psycopg's own cursors, whose errors Django does not translate.
DATABASE_ERRORS = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
)


class ProblemBody(TypedDict, total=False):
    type: str
    title: str
    status: int
    detail: str
    errors: Any  # messages by field, of any nesting


class Problem(APIException):
    """An error whose status, text and details are chosen where it is raised."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        code: str = "",
        errors: object = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(detail, code or None)
        self.status_code = status
        self.text = detail
        self.problem_code = code
        self.errors = errors
        self.headers = headers or {}


def is_api_path(path: str) -> bool:
    return path.startswith(API_PREFIXES)


def problem_body(
    status: int, detail: str = "", *, code: str = "", errors: object = None
) -> ProblemBody:
    title = HTTPStatus(status).phrase
    body = ProblemBody(
        type=f"urn:assay:problem:{code}" if code else "about:blank",
        title=title,
        status=status,
        detail=detail or title,
    )
    if errors is not None:
        body["errors"] = errors
    return body


def problem_http(
    status: int, detail: str = "", *, code: str = "", headers: dict[str, str] | None = None
) -> HttpResponse:
    """Build the answer outside of DRF: unknown paths, failures of the middleware."""
    return HttpResponse(
        json.dumps(problem_body(status, detail, code=code)),
        status=status,
        content_type=PROBLEM_TYPE,
        headers=headers,
    )


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer any error of an API view; DRF calls it (settings.REST_FRAMEWORK).

    An error nobody foresaw is passed on: Django logs it and ``core.views.server_error`` answers.
    """
    if isinstance(error, DATABASE_ERRORS):
        return _database_away()
    known = _as_api_exception(error)
    if known is None:
        return None
    return Response(
        _sendable(_body_of(known)),
        status=known.status_code,
        headers=_headers_of(known),
        content_type=PROBLEM_TYPE,
    )


def _database_away() -> Response:
    # A broken connection is dropped, so that the next request opens a new one.
    if not connection.in_atomic_block:
        connection.close()
    return Response(
        problem_body(503, "The database is away or overloaded; send the same request again."),
        status=503,
        headers={"Retry-After": "1"},
        content_type=PROBLEM_TYPE,
    )


def _as_api_exception(error: Exception) -> APIException | None:
    if isinstance(error, APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied(str(error) or None)
    return None


def _body_of(error: APIException) -> ProblemBody:
    if isinstance(error, Problem):
        return problem_body(
            error.status_code, error.text, code=error.problem_code, errors=error.errors
        )
    if isinstance(error, exceptions.NotAuthenticated):
        return problem_body(error.status_code, NO_KEY)
    if isinstance(error, exceptions.ValidationError):
        return problem_body(
            error.status_code, "The request is not valid.", code="invalid", errors=error.detail
        )
    return problem_body(error.status_code, str(error.detail))


def _sendable(said: Any) -> Any:  # a problem's body, and each of its parts
    """Half a surrogate, quoted from what was sent, is text to JSON but not to UTF-8."""
    if isinstance(said, str):
        return said.encode("utf-8", "backslashreplace").decode()
    if isinstance(said, dict):
        return {name: _sendable(each) for name, each in said.items()}
    return [_sendable(each) for each in said] if isinstance(said, list | tuple) else said


def _headers_of(error: APIException) -> dict[str, str]:
    headers: dict[str, str] = dict(getattr(error, "headers", {}))
    if auth_header := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = auth_header
    if wait := getattr(error, "wait", None):
        headers["Retry-After"] = str(int(wait) + 1)
    return headers


def read_input(request: Request, form: type[Serializer[Any]]) -> dict[str, Any]:
    """What a JSON body says, by the serializer's rules. Raises what is answered with a 400."""
    if not isinstance(request.data, dict):
        raise Problem(400, "The body is a JSON object.", code="invalid")
    read = form(data=request.data)
    read.is_valid(raise_exception=True)
    values: dict[str, Any] = read.validated_data
    return values

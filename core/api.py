"""The shape of API answers: problem+json errors (RFC 9457) and keyset-paged lists."""

import json
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, TypedDict, TypeVar
from urllib.parse import urlencode

import psycopg
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError, connection
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

PROBLEM_TYPE = "application/problem+json"
API_PREFIXES = ("/api/", "/v1/", "/fallom/", "/k/")
MAX_PAGE_SIZE = 200
DEFAULT_PAGE_SIZE = 50
# Ingestion reads and writes by psycopg's own cursors, whose errors Django does not translate.
DATABASE_ERRORS = (
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.errors.ReadOnlySqlTransaction,
)

Row = TypeVar("Row")


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


# A page of a list: the cursor holds the sort position of the last row shown, is signed, and is
# bound to the project and the filter, so that it cannot be forged or carried elsewhere.


class CursorError(ValueError):
    """A cursor was altered, or belongs to another list."""


class PageBody(TypedDict):
    results: list[Any]  # what the list's own serializer makes
    next: str | None


def sign_cursor(position: Sequence[object], *, project_id: int, filters: str) -> str:
    """``position``: JSON values (numbers, strings, null) that sort the list uniquely."""
    return signing.dumps(list(position), salt=f"cursor:{project_id}:{filters}", compress=True)


def read_cursor(cursor: str, *, project_id: int, filters: str) -> list[Any]:
    try:
        position = signing.loads(cursor, salt=f"cursor:{project_id}:{filters}")
    except signing.BadSignature as error:
        raise CursorError("The cursor is not one of this list.") from error
    assert isinstance(position, list)  # nobody else can sign one
    return position


def filters_of(request: HttpRequest | Request) -> str:
    """The list a request asks for: its path and parameters, without the place in it."""
    parameters = sorted(
        (name, sorted(values))
        for name, values in request.GET.lists()
        if name not in {"cursor", "page_size"}
    )
    return f"{request.path}?{urlencode(parameters, doseq=True)}"


def page_size_of(request: HttpRequest | Request) -> int:
    text = request.GET.get("page_size", "")
    if not text:
        return DEFAULT_PAGE_SIZE
    if not (text.isascii() and text.isdigit() and len(text) <= 4 and int(text) > 0):
        raise Problem(400, "page_size must be a whole number from 1 to 200.", code="invalid")
    return min(int(text), MAX_PAGE_SIZE)


def page_of(
    request: HttpRequest | Request,
    fetch: Callable[[list[Any] | None, int], Sequence[Row]],
    *,
    position_of: Callable[[Row], Sequence[object]],
    serialize: Callable[[Row], object],
    project_id: int,
) -> PageBody:
    """Fetch one page: ``fetch(after, limit)`` returns up to ``limit`` rows after a position.

    ``after`` is what ``position_of`` gave for the last row of the page before, as JSON.
    """
    filters = filters_of(request)
    size = page_size_of(request)
    rows = list(fetch(_position_asked(request, project_id, filters), size + 1))
    following = None
    if len(rows) > size:
        rows = rows[:size]
        cursor = sign_cursor(position_of(rows[-1]), project_id=project_id, filters=filters)
        following = _url_with_cursor(request, cursor)
    return PageBody(results=[serialize(row) for row in rows], next=following)


def _position_asked(
    request: HttpRequest | Request, project_id: int, filters: str
) -> list[Any] | None:
    cursor = request.GET.get("cursor")
    if not cursor:
        return None
    try:
        return read_cursor(cursor, project_id=project_id, filters=filters)
    except CursorError as error:
        raise Problem(400, str(error), code="cursor") from error


def _url_with_cursor(request: HttpRequest | Request, cursor: str) -> str:
    parameters = request.GET.copy()
    parameters["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")

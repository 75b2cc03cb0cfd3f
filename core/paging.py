"""Keyset-paged lists, of the API and of pages.

A cursor holds the sort position of the last row shown. It is signed, and bound to the project and
the filter, so that it cannot be forged or carried elsewhere. The API refuses one of another list
(400); pages raise CursorError and ``core.access.project_view`` shows the first page instead.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypedDict, TypeVar
from urllib.parse import urlencode

from django.core import signing
from django.http import HttpRequest
from rest_framework.request import Request

from core.api import Problem
from core.numerals import read_whole

MAX_PAGE_SIZE = 200
DEFAULT_PAGE_SIZE = 50

Row = TypeVar("Row")


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


def moment_and_id(after: list[Any] | None) -> tuple[datetime, str] | None:
    """The position in a list that is sorted by a time and an id."""
    return None if after is None else (datetime.fromisoformat(after[0]), after[1])


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
    size = read_whole(text, digits=4)
    if not size:
        raise Problem(400, "page_size must be a whole number from 1 to 200.", code="invalid")
    return min(size, MAX_PAGE_SIZE)


def take_page(
    cursor: str,
    fetch: Callable[[list[Any] | None, int], Iterable[Row]],
    *,
    position_of: Callable[[Row], Sequence[object]],
    size: int,
    project_id: int,
    filters: str,
) -> tuple[list[Row], str]:
    """Return the rows of one page and the cursor of the next, "" at the end. Raises CursorError.

    ``fetch(after, limit)`` returns up to ``limit`` rows after a position: what ``position_of`` gave
    for the last row of the page before, as JSON; None at the beginning.
    """
    after = read_cursor(cursor, project_id=project_id, filters=filters) if cursor else None
    rows = list(fetch(after, size + 1))
    if len(rows) <= size:
        return rows, ""
    shown = rows[:size]
    return shown, sign_cursor(position_of(shown[-1]), project_id=project_id, filters=filters)


def page_of(
    request: HttpRequest | Request,
    fetch: Callable[[list[Any] | None, int], Sequence[Row]],
    *,
    position_of: Callable[[Row], Sequence[object]],
    serialize: Callable[[Row], object],
    project_id: int,
) -> PageBody:
    """Answer one page of an API's list, as :func:`take_page` takes it."""
    try:
        rows, cursor = take_page(
            request.GET.get("cursor", ""),
            fetch,
            position_of=position_of,
            size=page_size_of(request),
            project_id=project_id,
            filters=filters_of(request),
        )
    except CursorError as error:
        raise Problem(400, str(error), code="cursor") from error
    following = _url_with_cursor(request, cursor) if cursor else None
    return PageBody(results=[serialize(row) for row in rows], next=following)


def _url_with_cursor(request: HttpRequest | Request, cursor: str) -> str:
    parameters = request.GET.copy()
    parameters["cursor"] = cursor
    return request.build_absolute_uri(f"{request.path}?{parameters.urlencode()}")

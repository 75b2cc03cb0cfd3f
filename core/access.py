"""The project of a URL, for this user. Every page starts here, so no page can forget to ask."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.contrib.auth.models import User
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpRequest, QueryDict
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxDetails

from core.models import Membership, Project, Role
from core.paging import CursorError

OLD_LINK = "This link to a further page is of another list. Here is the first."
P = ParamSpec("P")


class PageRequest(HttpRequest):
    """A request of a signed-in user for a page of one project."""

    user: User
    htmx: HtmxDetails
    project: Project
    role: Role


ProjectView = Callable[Concatenate[Any, Project, P], HttpResponseBase]  # the request: a PageRequest


def project_for(request: HttpRequest, slug: str, *, role: Role = Role.VIEWER) -> Project:
    """Return the project if the user is a member with at least this role.

    A stranger gets the 404 of a project that does not exist; a member whose role is too low 403.
    """
    project, own_role = _find_membership(request.user, slug)
    if project is None:
        raise Http404("no such project")
    if not own_role.covers(role):
        raise PermissionDenied(f"This needs the role {role.label}; yours is {own_role.label}.")
    request.project = project  # type: ignore[attr-defined]
    request.role = own_role  # type: ignore[attr-defined]
    return project


def _find_membership(user: Any, slug: str) -> tuple[Project | None, Role]:  # User or AnonymousUser
    if not user.is_authenticated:
        return None, Role.VIEWER
    if user.is_superuser:
        return Project.objects.active().filter(slug=slug).first(), Role.OWNER
    membership = (
        Membership.objects.select_related("project")
        .filter(project__slug=slug, project__archived_at=None, user_id=user.pk)
        .first()
    )
    if membership is None:
        return None, Role.VIEWER
    return membership.project, Role(membership.role)


def project_view(
    *, role: Role = Role.VIEWER
) -> Callable[[ProjectView[P]], Callable[..., HttpResponseBase]]:
    """Turn ``view(request, project, …)`` into one for a URL with a ``slug``.

    Put method decorators above it: ``@require_GET`` first, then ``@project_view()``. A cursor that
    the view refuses is left out and said: links to further pages are kept, and grow old.
    """

    def decorate(view: ProjectView[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def wrapper(
            request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            project = project_for(request, slug, role=role)
            try:
                return view(request, project, *args, **kwargs)
            except CursorError as error:
                _leave_out_cursor(request, error)
                return view(request, project, *args, **kwargs)

        wrapper.required_role = role  # type: ignore[attr-defined]
        return wrapper

    return decorate


def _leave_out_cursor(request: HttpRequest, error: CursorError) -> None:
    """Make it a request for the first page. Only what reads is done again: others get 400."""
    if request.method not in {"GET", "HEAD"} or "cursor" not in request.GET:
        raise BadRequest(str(error)) from error
    parameters = request.GET.copy()
    del parameters["cursor"]
    request.GET = QueryDict(parameters.urlencode())
    if not request.headers.get("HX-Request"):  # a part of a page has no place for it
        messages.warning(request, OLD_LINK)

"""The project of a URL, for this user. Every page starts here, so no page can forget to ask."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django_htmx.middleware import HtmxDetails

from core.models import Membership, Project, Role

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

    Put method decorators above it: ``@require_GET`` first, then ``@project_view()``.
    """

    def decorate(view: ProjectView[P]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def wrapper(
            request: HttpRequest, slug: str, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponseBase:
            return view(request, project_for(request, slug, role=role), *args, **kwargs)

        wrapper.required_role = role  # type: ignore[attr-defined]
        return wrapper

    return decorate

"""What the shell of every page needs: the rail, the project switcher, the freshness."""

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from core.models import Project, Role

# Paths that stand beside their section.
BELONGS_TO = {"decisions": "experiments", "experiment": "experiments"}
ShellContext = dict[str, Any]  # a template context: values of any type, read by name


def shell(request: HttpRequest) -> ShellContext:
    """``project``, ``role``, ``projects`` (lazy, for the switcher), ``section`` (of the rail)."""
    role: Role | None = getattr(request, "role", None)
    return {
        "project": getattr(request, "project", None),
        "role": role,
        "can_analyse": role is not None and role.covers(Role.ANALYST),
        "can_edit": role is not None and role.covers(Role.EDITOR),
        "can_administer": role is not None and role.covers(Role.ADMIN),
        "projects": _visible_projects(request),
        "section": section_of(request.path),
    }


def _visible_projects(request: HttpRequest) -> QuerySet[Project]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return Project.objects.none()
    return Project.objects.visible_to(user)


def section_of(path: str) -> str:
    """The part of the product a path belongs to: ``/p/shop/sessions/7/`` → ``sessions``."""
    parts = path.split("/", 4)
    if len(parts) < 3 or parts[1] != "p":
        return ""
    section = (parts[3] if len(parts) > 3 else "") or "overview"
    return BELONGS_TO.get(section, section)

"""Projects as commands name them: by slug."""

from collections.abc import Iterable

from django.core.management.base import CommandError

from core.models import Project


def project_named(slug: str, *, or_archived: bool = False) -> Project:
    """Raises CommandError when there is none."""
    projects = Project.objects.all() if or_archived else Project.objects.active()
    project = projects.filter(slug=slug).first()
    if project is None:
        raise CommandError(f"There is no project '{slug}'.")
    return project


def projects_named(slug: str | None) -> Iterable[Project]:
    """The project, or all of them when none is named; archived ones, too."""
    if slug:
        return [project_named(slug, or_archived=True)]
    return Project.objects.order_by("pk")

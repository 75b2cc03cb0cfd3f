"""The analysis worker's doors."""

from datetime import timedelta

from core.celery import app
from core.models import Project
from experiments.freshness import analyse_project, utc_now

BUDGET = timedelta(seconds=3)  # a project and sweep: one large project must not starve the others


@app.task(queue="analysis", ignore_result=True, soft_time_limit=300)  # type: ignore[untyped-decorator]
def analyse_task(project_id: int | None = None) -> None:
    """Recompute stale results of one project, or of all. A lost message is made up by the next."""
    projects = Project.objects.active()
    if project_id is not None:
        projects = projects.filter(pk=project_id)
    for pk in projects.values_list("pk", flat=True):
        analyse_project(pk, now=utc_now(), budget=BUDGET)

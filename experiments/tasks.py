"""The analysis worker's doors."""

from datetime import timedelta

from core.celery import app, is_stopping
from experiments.freshness import analyse_project, analyse_projects, utc_now

BUDGET = timedelta(seconds=3)  # a project and sweep: one large project must not starve the others
TURN = timedelta(seconds=6)  # a sweep: the worker has session texts and jobs to see to, too


@app.task(name="experiments.tasks.analyse_task", ignore_result=True, soft_time_limit=300)  # type: ignore[untyped-decorator]
def analyse_task(project_id: int | None = None) -> None:
    """Recompute stale results of one project, or of all. A lost message is made up by the next."""
    if project_id is None:
        analyse_projects(budget=BUDGET, turn=TURN, stop=is_stopping)
    else:
        analyse_project(project_id, now=utc_now(), budget=BUDGET, stop=is_stopping)

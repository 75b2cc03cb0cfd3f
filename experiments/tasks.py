"""The analysis worker's doors."""

from datetime import timedelta

from core.celery import app, is_stopping
from experiments.freshness import analyse_projects

BUDGET = timedelta(seconds=3)  # a project and sweep: one large project must not starve the others
TURN = timedelta(seconds=6)  # a sweep: the worker has session texts and jobs to see to, too


@app.task(name="experiments.tasks.analyse_task", ignore_result=True)  # type: ignore[untyped-decorator]
def analyse_task() -> None:
    """Recompute what is stale. A lost message is made up by the next."""
    analyse_projects(budget=BUDGET, turn=TURN, stop=is_stopping)

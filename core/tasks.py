"""Doors for Celery."""

from core.celery import app, is_stopping
from core.jobs import work_on_jobs

LONGEST = 1.5  # seconds a turn: the worker of the slow queues has other work too


@app.task(name="core.tasks.jobs_task", ignore_result=True)  # type: ignore[untyped-decorator]
def jobs_task() -> None:
    work_on_jobs(seconds=LONGEST, stop=is_stopping)


def call_jobs() -> None:
    jobs_task.apply_async(queue="slow", expires=60, retry=False)

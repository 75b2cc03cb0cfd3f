"""The scheduler of periodic tasks, in a thread of the one worker that carries it."""

from typing import Any

from celery import Celery, beat, bootsteps
from click import Option

from core.embedded.programs import SCHEDULER


class ThreadedScheduler(bootsteps.StartStopStep):  # type: ignore[misc] # celery has no types
    """Celery's ``--beat`` forks, and the copy costs sixty megabytes to send a message a second."""

    label = "Scheduler"
    conditional = True

    def __init__(self, worker: Any, *, with_scheduler: bool = False, **options: Any) -> None:
        super().__init__(worker, **options)
        self.enabled = with_scheduler

    def create(self, worker: Any) -> Any:
        return beat.EmbeddedService(worker.app, thread=True, scheduler_cls=worker.scheduler)


def add_scheduler_option(app: Celery) -> None:
    app.user_options["worker"].add(
        Option([SCHEDULER], is_flag=True, help="Run the scheduler in a thread of this worker.")
    )
    app.steps["worker"].add(ThreadedScheduler)

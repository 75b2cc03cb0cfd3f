"""Long work in small steps: each step is one transaction, so that a worker may die at any time.

A kind of job is a function that does the next step from ``job.place`` and says whether it is done.
It may set ``place``, ``n_done``, ``n_total`` and ``result`` on the job, which are saved in the
step's own transaction: a step is done and noted, or neither.

Steps are short, a second or two: all jobs of all projects take turns, and the worker that does them
has other work too.
"""

import datetime
import logging
import time
from collections.abc import Callable
from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from kombu.exceptions import OperationalError as BrokerError

from core.api import DATABASE_ERRORS
from core.audit import record_audit
from core.models import Job, Project

Step = Callable[[Job], bool]
"""Does the next step within the caller's transaction; True when the job is done."""

OPEN = (Job.State.WAITING, Job.State.RUNNING)
MOST_FAILURES = 20
LONGEST_WAIT = datetime.timedelta(minutes=5)
"""Between two tries of a step: with doubling from two seconds on, all of them take an hour."""

_steps: dict[str, Step] = {}
_bells: list[Callable[[], None]] = []

logger = logging.getLogger(__name__)


class NotYetError(Exception):
    """Raised by a step that has nothing to do for some seconds: other work goes on meanwhile."""


def register_job(kind: str, step: Step) -> None:
    _steps[kind] = step


def register_bell(bell: Callable[[], None]) -> None:
    """Say how workers are told that a job waits."""
    _bells.append(bell)


def start_job(
    project: Project, kind: str, params: dict[str, Any], *, actor: User | None = None
) -> Job:
    """Queue a job; the same open job is not queued twice. Raises KeyError for an unknown kind."""
    _steps[kind]
    with transaction.atomic():
        Project.objects.select_for_update().get(pk=project.pk)
        same = Job.objects.filter(project=project, kind=kind, params=params, state__in=OPEN)
        job = same.first()
        if job is None:
            job = Job.objects.create(project=project, kind=kind, params=params, created_by=actor)
        transaction.on_commit(_ring)
    return job


def _ring() -> None:
    for bell in _bells:
        try:
            bell()
        except (BrokerError, OSError) as error:  # the sweep makes up for it
            logger.warning("The workers could not be called: %s", error)


def forget_bells() -> None:
    """Leave jobs to the sweep: nobody is called any more."""
    _bells.clear()


def stop_jobs(project: Project, kind: str, *, actor: User | None) -> list[Job]:
    """Stop the open jobs of a kind between two steps; return them. What they did stays done."""
    with transaction.atomic():
        # Waits for the step that is being done, after which the job may be at its end.
        jobs = project.jobs.select_for_update().filter(kind=kind, state__in=OPEN).order_by("pk")
        stopped = list(jobs)
        for job in stopped:
            job.state, job.finished_at = Job.State.CANCELLED, timezone.now()
            job.save(update_fields=["state", "finished_at"])
            done = {"job": job.pk, "done": job.n_done, "of": job.n_total}
            record_audit(project, actor, "job.stop", target=kind, detail=done)
    return stopped


def work_on_jobs(*, seconds: float, stop: Callable[[], bool] = lambda: False) -> int:
    """Do steps of open jobs, each in its turn, for about this long; return how many."""
    until = time.monotonic() + seconds
    resting: list[int] = []  # failed just now, or have nothing to do yet
    n_steps = 0
    while time.monotonic() < until and not stop():
        job, has_stepped = _do_one_step(but=resting)
        if job is None:
            break
        if has_stepped:
            n_steps += 1
        else:
            resting.append(job.pk)
    return n_steps


def _do_one_step(*, but: list[int]) -> tuple[Job | None, bool]:
    """One step of the job whose turn it is and that nobody works on; and whether it went on."""
    with transaction.atomic():
        jobs = Job.objects.select_for_update(skip_locked=True).filter(state__in=OPEN)
        jobs = jobs.filter(Q(retry_at=None) | Q(retry_at__lte=timezone.now()))
        # In turn: a long job of one project keeps no other one waiting, not even one that failed.
        turn = (F("stepped_at").asc(nulls_first=True), "pk")
        job = jobs.exclude(pk__in=but).order_by(*turn).first()
        if job is None:
            return None, False
        job.stepped_at = timezone.now()
        if job.started_at is None:
            job.started_at, job.state = timezone.now(), Job.State.RUNNING
        has_stepped = _step(job)
        job.save()
    return job, has_stepped


def _step(job: Job) -> bool:
    try:
        with transaction.atomic():
            is_done = _steps[job.kind](job)
    except Exception as error:
        job.refresh_from_db(fields=["place", "n_done", "n_total", "result"])
        if not isinstance(error, NotYetError):
            _note_failure(job, error)
        return False
    job.n_failures, job.retry_at = 0, None
    if is_done:
        job.state, job.finished_at = Job.State.DONE, timezone.now()
    return True


def _note_failure(job: Job, error: Exception) -> None:
    """What may pass is tried again, at the next turn and then ever later; anything else ends the
    job."""
    may_pass = isinstance(error, DATABASE_ERRORS)  # psycopg's own too: steps use its cursors
    job.n_failures += 1
    job.error = f"{type(error).__name__}: {error}"[:2000].replace("\0", "\N{REPLACEMENT CHARACTER}")
    if may_pass and job.n_failures < MOST_FAILURES:
        logger.warning("A step of job %s (%s) failed: %s", job.pk, job.kind, error)
        job.retry_at = timezone.now() + wait_after(job.n_failures)
        return
    logger.error("The job %s of kind %s failed", job.pk, job.kind, exc_info=error)
    job.state, job.finished_at, job.retry_at = Job.State.FAILED, timezone.now(), None


def wait_after(n_failures: int) -> datetime.timedelta:
    """How long a step is let alone that failed so often in a row; a deadlock is over at once."""
    if n_failures < 2:
        return datetime.timedelta(0)
    return min(LONGEST_WAIT, datetime.timedelta(seconds=2 ** (n_failures - 1)))

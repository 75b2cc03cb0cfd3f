"""A user or a session erased everywhere: the tombstone first, then everything of theirs in steps.

The tombstone waits for whoever stores events at that moment, and refuses what comes later; so what
the steps do not find any more stays away. Backups and PostgreSQL's dead rows are beyond them.
"""

import itertools
from collections.abc import Sequence

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from core.jobs import register_job, start_job
from core.models import Job, Project
from tracking.changes import Writing
from tracking.erasing import sweep_traces
from tracking.erasure_steps import BLOCKS_AT_ONCE, PHASES, TRACES_AT_ONCE, Erasure, audit_erasure
from tracking.models import ErasedSubject, ErasedTrace, InboxBatch
from tracking.payloads import empty_stale_slots
from tracking.rules import change_rules, hold_horizon
from tracking.staging import clear_stages, open_cursor, prepare_stages
from tracking.statements import fetch_all
from tracking.tombstones import tombstone_hash

KIND, SWEEP = "erasure", "erasure-sweep"
AUDIT_STARTED, AUDIT_LIFTED = "data.erase", "data.erase_lifted"
# Those accepted before the first tombstone, between it and the second, and so on.
WAITING = (
    "SELECT width_bucket(id, %s::bigint[]), count(*) FROM tracking_inboxbatch"
    " WHERE project_id = %s AND id <= %s GROUP BY 1"
)


def start_erasure(
    project: Project,
    kind: str,
    name: str,
    *,
    actor: User | None = None,
    actor_label: str = "",
) -> ErasedSubject:
    """Set the tombstone and queue the work. What names the subject is refused from now on."""
    now = timezone.now()
    with transaction.atomic():
        with open_cursor() as cursor:
            change_rules(cursor, project.pk)
        subject, _ = ErasedSubject.objects.update_or_create(
            project_id=project.pk,
            kind=kind,
            hash=tombstone_hash(project.pk, kind, name),
            defaults={
                "subject": name,
                "requested_by": (actor.get_username() if actor else actor_label or "system")[:160],
                "requested_at": now,
                "erased_at": None,
                "counts": {},
                "last_inbox_id": _last_inbox_id(project.pk),
            },
        )
        audit_erasure(project, AUDIT_STARTED, subject, actor=actor, actor_label=actor_label)
        start_job(project, KIND, {"erasure": subject.pk}, actor=actor)
    return subject


def _last_inbox_id(project_id: int) -> int:
    last = InboxBatch.objects.filter(project_id=project_id).aggregate(last=Max("pk"))["last"]
    return last or 0


def lift_tombstone(project: Project, subject: ErasedSubject, *, actor: User | None) -> None:
    """Let the subject send again, as somebody new. What was erased stays so."""
    with transaction.atomic():
        audit_erasure(project, AUDIT_LIFTED, subject, actor=actor)
        subject.delete()


def count_waiting(project_id: int, subjects: Sequence[ErasedSubject]) -> dict[int, int]:
    """Requests that were accepted before each tombstone stood and are not digested yet, by the key
    of the record: digest will refuse what is the subject's in them."""
    lasts = sorted({subject.last_inbox_id for subject in subjects})
    if not lasts:
        return {}
    rows = fetch_all(WAITING, [[last + 1 for last in lasts], project_id, lasts[-1]])
    counted: dict[int, int] = dict(rows)
    sums = list(itertools.accumulate(counted.get(n, 0) for n in range(len(lasts))))
    waiting = dict(zip(lasts, sums, strict=True))
    return {subject.pk: waiting[subject.last_inbox_id] for subject in subjects}


def do_step(job: Job) -> bool:
    record = ErasedSubject.objects.filter(pk=job.params["erasure"]).first()
    if record is None or not record.subject:
        return True
    prepare_stages()
    with open_cursor() as cursor:
        clear_stages(cursor)
        erasure = Erasure(job, record, cursor)
        n_phase = job.place.get("phase", 0)
        if PHASES[n_phase](erasure):
            n_phase += 1
            job.place = {"phase": n_phase}
        record.save(update_fields=["counts", "subject", "erased_at"])
    job.result = record.counts
    return bool(n_phase == len(PHASES))


def start_sweeps() -> int:
    """Queue the sweep of projects in which spans of erased subjects came first; return how many."""
    left = ErasedTrace.objects.exclude(trace_id="").values("project_id").distinct()
    projects = Project.objects.filter(pk__in=left)
    return len([start_job(project, SWEEP, {}) for project in projects])


def sweep_step(job: Job) -> bool:
    prepare_stages()
    with open_cursor() as cursor:
        clear_stages(cursor)
        horizon_us = hold_horizon(cursor, job.project_id)
        writing = Writing(job.project_id, cursor, 0, timezone.now(), horizon_us)
        n_traces = sweep_traces(writing, limit=TRACES_AT_ONCE)
        job.n_done += n_traces
        return not n_traces and not empty_stale_slots(cursor, job.project_id, limit=BLOCKS_AT_ONCE)


register_job(KIND, do_step)
register_job(SWEEP, sweep_step)

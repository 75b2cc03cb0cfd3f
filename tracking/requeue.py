"""Quarantined items tried again or discarded: one, or all of one reason."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import F, Func, Max, QuerySet, Sum, TextField, Value
from django.utils import timezone

from core.audit import record_audit
from core.jobs import register_job, start_job
from core.models import Job, Project
from tracking.counters import Fate, FateCounts
from tracking.models import InboxBatch, Quarantined
from tracking.quarantine import RETRIED, retry_quarantined
from tracking.staging import open_cursor, unix_us

RETRY, DISCARD = "retry", "discard"
CODE = Func(F("reason"), Value(":"), Value(1), function="split_part", output_field=TextField())
"""Of a reason such as ``refused: DataError: …``."""
ACTIONS = (RETRY, DISCARD)
KIND = "quarantine"
AT_ONCE = 200
DISCARDED = "discarded"
TOLD_FOR = datetime.timedelta(days=1)


def of_reason(project_id: int, code: str) -> QuerySet[Quarantined]:
    """The items whose reason begins with this code."""
    rows = Quarantined.objects.filter(project_id=project_id, reason__startswith=code)
    return rows.annotate(code=CODE).filter(code=code)


def settle_one(project: Project, item_id: int, action: str, *, actor: User) -> int:
    """Retry or discard one item; 0 when somebody else did."""
    with transaction.atomic():
        n_items = _settle(project.pk, [item_id], action, now=timezone.now())
        if n_items and action == DISCARD:
            _audit(project, action, actor, reason="", n_items=n_items)
    return n_items


def settle_all(project: Project, code: str, action: str, *, actor: User) -> int:
    """Retry or discard all items of a reason that are there now, in steps; return how many."""
    rows = of_reason(project.pk, code)
    if action == RETRY:
        rows = rows.exclude(body=b"")  # its content was not kept
    found = rows.aggregate(last=Max("pk"), n_items=Sum("n_items"), latest=Max("received_at"))
    last, n_items = found["last"], found["n_items"]
    if last is None:
        return 0
    with transaction.atomic():
        latest = found["latest"].isoformat()
        params = {"code": code, "action": action, "last": last, "latest": latest}
        start_job(project, KIND, params, actor=actor)
        _audit(project, action, actor, reason=code, n_items=n_items)
    return int(n_items)


def do_step(job: Job) -> bool:
    params = job.params
    rows = of_reason(job.project_id, params["code"]).filter(
        pk__lte=params["last"], pk__gt=job.place.get("after", 0)
    )
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:AT_ONCE])
    if ids:
        job.n_done += _settle(job.project_id, ids, params["action"], now=timezone.now())
        job.place = {"after": ids[-1]}
    return len(ids) < AT_ONCE


def _settle(project_id: int, ids: Sequence[int], action: str, *, now: datetime.datetime) -> int:
    if action == RETRY:
        return retry_quarantined(project_id, ids, now=now)
    return discard_quarantined(project_id, ids)


def discard_quarantined(project_id: int, ids: Sequence[int]) -> int:
    """Delete quarantined items; the ledger counts them as rejected. Return how many, as sent."""
    with transaction.atomic():
        chosen = Quarantined.objects.filter(project_id=project_id, pk__in=ids).defer("body")
        rows = list(chosen.select_for_update().order_by("pk"))
        counts = FateCounts()
        for row in rows:
            at, reason = unix_us(row.received_at) or 0, row.reason.partition(":")[0]
            counts.count(Fate.QUARANTINED, at, detail=reason, n=-row.n_items)
            counts.count(Fate.REJECTED, at, detail=DISCARDED, n=row.n_items)
        Quarantined.objects.filter(pk__in=[row.pk for row in rows]).delete()
        with open_cursor() as cursor:
            counts.save(cursor, project_id)
    return sum(row.n_items for row in rows)


@dataclass(frozen=True, slots=True)
class Retry:
    """What became of the items of a reason that were tried again. ``returned``: quarantined anew;
    such as came before them and were quarantined only since are counted with them."""

    code: str
    at: datetime.datetime
    items: int
    waiting: int
    returned: int

    @property
    def understood(self) -> int:
        return max(self.items - self.waiting - self.returned, 0)


def find_last_retry(project_id: int, *, now: datetime.datetime) -> Retry | None:
    """The last time that all of a reason were tried again, if that was within a day."""
    done = Job.objects.filter(project_id=project_id, kind=KIND, state=Job.State.DONE)
    job = done.filter(params__action=RETRY, finished_at__gte=now - TOLD_FOR).first()
    if job is None or "latest" not in job.params:
        return None
    latest = datetime.datetime.fromisoformat(job.params["latest"])
    again = Quarantined.objects.filter(
        project_id=project_id, quarantined_at__gte=job.created_at, received_at__lte=latest
    )
    returned = again.aggregate(n=Sum("n_items", default=0))["n"]
    return Retry(
        job.params["code"], job.created_at, job.n_done, count_retried(project_id), returned
    )


def count_retried(project_id: int) -> int:
    """Items that were put back and wait to be digested."""
    waiting = InboxBatch.objects.filter(project_id=project_id, headers__has_key=RETRIED)
    return int(waiting.aggregate(n=Sum("n_items", default=0))["n"])


def _audit(project: Project, action: str, actor: User, *, reason: str, n_items: int) -> None:
    detail = {"items": n_items} | ({"reason": reason} if reason else {})
    record_audit(project, actor, f"quarantine.{action}", detail=detail)


register_job(KIND, do_step)

"""Model calls of all of a project's history priced anew, as a job in small steps.

An event carries the stamp of the prices that made its cost. The job gives the prices a new version
and goes through the hours: what carries another stamp is priced, in chunks, by deltas, and stamped.
Meanwhile ingestion stamps what it stores with the new version; what was being digested when the
version changed is met by a last look at the hours of that time.
"""

import time
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from core.jobs import NotYetError, register_job, start_job
from core.models import Job, Project
from core.timebuckets import Interval, floor_to
from tracking.changes import Writing
from tracking.corrections import reprice_events
from tracking.event_rows import EventKey
from tracking.events import CALL_KINDS
from tracking.models import PriceVersion
from tracking.pricing import PriceBook
from tracking.project_prices import load_book, note_change
from tracking.rules import change_rules, hold_horizon
from tracking.staging import (
    MICROSECOND,
    clear_stages,
    datetime_of,
    open_cursor,
    prepare_stages,
    unix_us,
)
from tracking.statements import fetch_all, fetch_one

KIND = "reprice"
AT_ONCE = 500  # events: each of their traces is folded anew
LONGEST_LOOK = 0.5  # seconds a step goes on through hours of few calls
SETTLED_AFTER = 5.0  # seconds: by then no digest begins with the prices of before
HOUR = timedelta(hours=1)
LAST_ID = str(UUID(int=2**128 - 1))

REACH = (
    "SELECT (SELECT occurred_at FROM tracking_event WHERE project_id = %s"
    " ORDER BY occurred_at LIMIT 1), (SELECT occurred_at FROM tracking_event WHERE project_id = %s"
    " ORDER BY occurred_at DESC LIMIT 1)"
)
STALE = (
    "SELECT occurred_at, id FROM tracking_event WHERE project_id = %s AND occurred_at >= %s"
    " AND (occurred_at, id) > (%s, %s) AND occurred_at < %s AND kind = ANY (%s)"
    " AND price_version <> %s ORDER BY occurred_at, id LIMIT %s"
)
NEXT = (
    "SELECT occurred_at FROM tracking_event WHERE project_id = %s AND occurred_at >= %s"
    " ORDER BY occurred_at LIMIT 1"
)


def start_repricing(project: Project, *, actor: User | None) -> Job:
    """Queue the job; one that is open already takes the new version up."""
    with transaction.atomic():
        note_change(project, actor, "price.reprice")
        return start_job(project, KIND, {}, actor=actor)


def reprice_step(job: Job) -> bool:
    """Price a chunk of some hours anew; what is done is stamped, too."""
    book = load_book(job.project_id)
    if job.place.get("stamp") != book.stamp:
        job.place = _begin(job, book)
    if job.place["hour"] is None:
        return _settle(job)
    until = time.monotonic() + LONGEST_LOOK
    keys: list[EventKey] = []
    while job.place["hour"] and len(keys) < AT_ONCE and time.monotonic() < until:
        keys += _take_hour(job, book)
    if keys:
        n_moved = _reprice(job.project_id, keys, book)
        done = job.result
        job.result = {
            "priced": done.get("priced", 0) + len(keys),
            "changed": done.get("changed", 0) + n_moved,
        }
    return False


def _take_hour(job: Job, book: PriceBook) -> list[EventKey]:
    """What is to be priced in the hour of the place, which moves on when that is all of it."""
    hour = datetime.fromisoformat(job.place["hour"])
    keys = _find_stale(job.project_id, hour, book, after=job.place.get("after"))
    if len(keys) == AT_ONCE:
        at_us, identity = keys[-1]
        job.place = {**job.place, "after": [at_us, identity.hex()]}
    else:
        job.place = {**job.place, "hour": _next_hour(job.project_id, hour), "after": None}
        if not job.place.get("is_last_look"):
            hours = _hours_between(job.place["first"], job.place["hour"])
            job.n_done = hours or job.n_total or 0
    return keys


def _begin(job: Job, book: PriceBook) -> dict[str, Any]:  # JSON
    first, last = fetch_one(REACH, [job.project_id] * 2) or (None, None)
    hour = None if first is None else _hour_of(first).isoformat()
    job.n_done = 0
    job.n_total = 0 if first is None else (_hour_of(last) - _hour_of(first)) // HOUR + 1
    return {"stamp": book.stamp, "first": hour, "hour": hour}


def _hour_of(at: datetime) -> datetime:
    return floor_to(at, Interval.HOUR)


def _hours_between(first: str, hour: str | None) -> int:
    if hour is None:
        return 0
    return (datetime.fromisoformat(hour) - datetime.fromisoformat(first)) // HOUR


def _settle(job: Job) -> bool:
    """Go through the hours once more unless no digest can have stored old prices meanwhile."""
    if job.place.get("is_last_look") or job.place["first"] is None:
        return True
    changed_at = PriceVersion.objects.get(project_id=job.project_id).changed_at
    if (timezone.now() - changed_at).total_seconds() < SETTLED_AFTER:
        raise NotYetError
    with open_cursor() as cursor:
        change_rules(cursor, job.project_id)  # waits for digests that began before
    job.place = {**job.place, "hour": job.place["first"], "is_last_look": True}
    return False


def _find_stale(
    project_id: int, hour: datetime, book: PriceBook, *, after: list[Any] | None
) -> list[EventKey]:
    """``after``: the last key that was taken, for an hour may hold a million."""
    calls = [int(kind) for kind in CALL_KINDS]
    place = (hour - MICROSECOND, LAST_ID) if after is None else (datetime_of(after[0]), after[1])
    values = [project_id, hour, *place, hour + HOUR, calls, book.stamp, AT_ONCE]
    return [(unix_us(at) or 0, identity.bytes) for at, identity in fetch_all(STALE, values)]


def _next_hour(project_id: int, hour: datetime) -> str | None:
    """The next hour that holds events."""
    found = fetch_one(NEXT, [project_id, hour + HOUR])
    return _hour_of(found[0]).isoformat() if found else None


def _reprice(project_id: int, keys: list[EventKey], book: PriceBook) -> int:
    prepare_stages()
    with open_cursor() as cursor:
        clear_stages(cursor)
        horizon_us = hold_horizon(cursor, project_id)
        writing = Writing(project_id, cursor, 0, timezone.now(), horizon_us)
        return reprice_events(writing, keys, book)


register_job(KIND, reprice_step)

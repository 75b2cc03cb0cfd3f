"""What became of everything sent: sent = stored + duplicate + rejected + quarantined + waiting."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import BinaryField, Count, Min, Sum
from django.db.models.functions import Length, Substr

from core.timebuckets import TimeRange
from tracking.models import InboxBatch, IngestCounter, Quarantined
from tracking.statements import fetch_all

Fate = IngestCounter.Fate
PREVIEW_BYTES = 600
WAITING = "waiting"
# In one statement: what is digested meanwhile is told once, as waiting or as what became of it.
LEDGER = (
    "SELECT fate, detail, sum(n)::bigint FROM tracking_ingestcounter"
    " WHERE project_id = %s AND hour >= %s AND hour < %s GROUP BY fate, detail"
    " UNION ALL SELECT %s, '', coalesce(sum(n_items), 0) FROM tracking_inboxbatch"
    " WHERE project_id = %s AND received_at >= %s AND received_at < %s"
    " ORDER BY 3 DESC, 1, 2"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Items by fate; ``reasons`` are (fate, detail, items), the most frequent first."""

    stored: int
    duplicate: int
    rejected: int
    quarantined: int
    waiting: int
    reasons: list[tuple[str, str, int]]
    warnings: list[tuple[str, int]]

    @property
    def sent(self) -> int:
        settled = self.stored + self.duplicate + self.rejected + self.quarantined
        return settled + self.waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """``oldest_at``: when the oldest request that still waits was accepted."""

    batches: int
    items: int
    oldest_at: datetime | None
    last_error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineSample:
    """``preview``: the beginning of the body, where that is text."""

    id: int
    reason: str
    format: str
    items: int
    received_at: datetime
    size: int
    preview: str


def read_ledger(project_id: int, time_range: TimeRange) -> Ledger:
    """What was received in a range of whole hours."""
    where = (project_id, time_range.start, time_range.end)
    rows = list(fetch_all(LEDGER, [*where, WAITING, *where]))
    fates = [*Fate.values, WAITING]
    sums = {fate: sum(n for found, _, n in rows if found == fate) for fate in fates}
    lost = (Fate.REJECTED, Fate.QUARANTINED)
    return Ledger(
        stored=sums[Fate.STORED],
        duplicate=sums[Fate.DUPLICATE],
        rejected=sums[Fate.REJECTED],
        quarantined=sums[Fate.QUARANTINED],
        waiting=sums[WAITING],
        reasons=[(fate, detail, n) for fate, detail, n in rows if fate in lost and n],
        warnings=[(detail, n) for fate, detail, n in rows if fate == Fate.WARNED and n],
    )


def read_backlog(project_id: int) -> Backlog:
    waiting = InboxBatch.objects.filter(project_id=project_id)
    sums = waiting.aggregate(batches=Count("id"), items=Sum("n_items"), oldest=Min("received_at"))
    failed = waiting.exclude(last_error="").order_by("-attempts").values_list("last_error")[:1]
    return Backlog(
        batches=sums["batches"],
        items=sums["items"] or 0,
        oldest_at=sums["oldest"],
        last_error=failed[0][0] if sums["batches"] and failed else "",
    )


def list_quarantined(project_id: int, *, code: str = "", limit: int = 20) -> list[QuarantineSample]:
    """The latest quarantined items (of one reason), their bodies cut short: a whole one may hold
    20 MiB."""
    chosen = Quarantined.objects.filter(project_id=project_id)
    rows = (
        (chosen.filter(reason__startswith=code) if code else chosen)
        .order_by("-quarantined_at")
        .annotate(
            head=Substr("body", 1, PREVIEW_BYTES, output_field=BinaryField()), size=Length("body")
        )
        .values("pk", "reason", "format", "n_items", "received_at", "head", "size")
    )
    return [
        QuarantineSample(
            id=row["pk"],
            reason=row["reason"],
            format=row["format"],
            items=row["n_items"],
            received_at=row["received_at"],
            size=row["size"],
            preview=bytes(row["head"]).decode("utf-8", "replace"),
        )
        for row in rows[:limit]
    ]


def read_change_token(project_id: int, *, now: datetime) -> str:
    """A text that changes whenever something of the project was digested or refused."""
    recent = IngestCounter.objects.filter(
        project_id=project_id, hour__gte=now - timedelta(hours=24)
    ).aggregate(n=Sum("n"))
    return str(recent["n"] or 0)

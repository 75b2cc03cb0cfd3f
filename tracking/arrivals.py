"""What arrived since somebody began to watch a project, and whether it ever had data of its own.

Counted in the ledger, by the hours since then: what asking costs does not grow.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Sum

from core.numerals import read_whole
from tracking.event_log import LogFilter, LogLine, list_events
from tracking.models import IngestCounter

Fate = IngestCounter.Fate
FATES = (Fate.STORED, Fate.DUPLICATE, Fate.REJECTED, Fate.QUARANTINED)
DEMO_CLIENT = "assay-demo"  # core.demo.loading names itself so
LONGEST = timedelta(days=2)  # a tab left open counts from no earlier
LINES = 3


class BadWatchError(ValueError):
    """The address of a page that watches was changed by hand."""


@dataclass(frozen=True, slots=True)
class Count:
    """Items by fate, of the hours since a moment."""

    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    quarantined: int = 0

    def __str__(self) -> str:
        return f"{self.stored}.{self.duplicate}.{self.rejected}.{self.quarantined}"

    def since(self, before: "Count") -> "Count":
        """What came on top; never less than nothing, as quarantined items may be taken out."""
        return Count(
            max(self.stored - before.stored, 0),
            max(self.duplicate - before.duplicate, 0),
            max(self.rejected - before.rejected, 0),
            max(self.quarantined - before.quarantined, 0),
        )

    @property
    def refused(self) -> int:
        return self.rejected + self.quarantined

    @property
    def total(self) -> int:
        return self.stored + self.duplicate + self.refused


def read_count(text: str) -> Count:
    """Read what :class:`Count` writes. Raises BadWatchError."""
    found = [read_whole(part, digits=15) for part in text.split(".")]
    numbers = [number for number in found if number is not None]
    if not len(numbers) == len(found) == len(FATES):
        raise BadWatchError("a count is four numbers with dots between them")
    return Count(*numbers)


def read_moment(text: str, *, now: datetime) -> datetime:
    """Read seconds since 1970, at most LONGEST ago. Raises BadWatchError."""
    asked = read_whole(text, digits=11)
    if asked is None:
        raise BadWatchError("a moment is a number of seconds since 1970")
    earliest = now - LONGEST
    seconds = min(max(asked, int(earliest.timestamp())), int(now.timestamp()))
    return datetime.fromtimestamp(seconds, now.tzinfo)


def count_since(project_id: int, moment: datetime) -> Count:
    """Items digested or refused that were received from this hour on."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    rows = (
        IngestCounter.objects.filter(project_id=project_id, hour__gte=hour, fate__in=FATES)
        .values_list("fate")
        .annotate(total=Sum("n"))
        .order_by()
    )
    return Count(**{str(fate): total for fate, total in rows})


def list_latest(project_id: int, moment: datetime) -> list[LogLine]:
    """The newest events that were received since."""
    lines = list_events(project_id, LogFilter()).lines[:LINES]
    return [line for line in lines if line.received_at >= moment]


def has_own_data(project_id: int) -> bool:
    """Whether anybody but the demo's loader ever sent something."""
    sent = IngestCounter.objects.filter(project_id=project_id, fate=Fate.CLIENT)
    return sent.exclude(detail__startswith=DEMO_CLIENT).exists()

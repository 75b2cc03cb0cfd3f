"""What the ingestion page tells: where data comes from, what is wrong with it, what to do."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import Count, Max, Min, Sum

from core.models import ApiKey, Job, Project
from core.timebuckets import HOUR, Interval, TimeRange, fill_gaps, floor_to
from tracking.adapters.matey_spans import IR_WARNING
from tracking.charts import Chart, Line, label_buckets
from tracking.models import IngestCounter, Quarantined
from tracking.refused_codes import MEANINGS
from tracking.requeue import CODE, KIND

Fate = IngestCounter.Fate
MOST_FORMATS = 6
MOST_GROUPS = 50

STATUSES = {
    "400": "sent what cannot be read",
    "401": "is revoked or expired",
    "403": "lacks the scope",
    "408": "sent too slowly",
    "413": "sent more than is taken",
    "415": "sent a type or encoding that is not read",
    "429": "was beyond its rate",
}
FORMATS = {
    "analytics": "JSON events",
    "otlp-protobuf": "OTLP protobuf",
    "otlp-json": "OTLP JSON",
    "otlp-logs-protobuf": "OTLP logs, protobuf",
    "otlp-logs-json": "OTLP logs, JSON",
    "scores": "scores",
    "fallom-spans": "Fallom spans",
    "dogpile": "runs of Dogpile",
    "matey": "chats of ai.matey",
    "assay-event": "retried events",
    "assay-part": "retried parts",
}
HINTS = {
    "clock_missing": "No usable time: the time of first receipt stands in.",
    "clock_ahead": "More than a day in the future: check the sender's clock.",
    "clock_skew": "It ended over a minute after it was received: the sender's clock is ahead.",
    "end_missing": "The span says when it began, not when it ended.",
    "end_ahead": "The end lies more than a day in the future: check the sender's clock.",
    "end_before_start": "The end lies before the start: clocks of two machines, or mixed units.",
    "ttft_longer_than_span": "The first token came after the end: kept as an attribute.",
    "inconsistent_usage": "More cached or reasoning tokens than tokens: cost may be wrong.",
    "implausible_cost": "A cost of a million dollars or more: not counted; are these dollars?",
    "arm_conflict": "Two variants of one experiment on a span: the first one counts.",
    "attribute_type": "An attribute of the wrong type: kept, but it fills no column.",
    "attribute_range": "A number out of range: kept as an attribute, not as a column.",
    "attribute_cut": "A name longer than 512 bytes, more than 100 tags, or 4 kB of metadata:"
    " shortened in its column, whole among the attributes.",
    "number_as_text": "A number sent as text: read as a number.",
    "text_replaced": "Characters that no text can hold were replaced.",
    "trace_id_missing": "A span without a trace id: one was made of its content.",
    "span_id_missing": "A span without an id of its own: one was made of its content.",
    "fallom_client": "Fallom's client failed after the call: the model may well have answered.",
    "content_not_serialised": "Objects came as “[object Object]”: what they held is gone.",
    "unknown_model": "No price is known: set one on the Prices page.",
    "response_missing": "A request of a chat that nothing answered (yet).",
    "stream_mismatch": "The pieces of a stream do not make the answer that its end tells.",
    "stream_gap": "Chunks of a stream are missing.",
    "stream_out_of_order": "Chunks of a stream came in another order than they were made.",
    "stream_conflict": "Two chunks of a stream have the same number and say different things.",
    "stream_interrupted": "A stream that no chunk ended.",
    "attempts_cut": "More attempts at one request than are kept.",
    "masked": "Something in it was masked, as Privacy says.",
    "content_dropped": "Its content was not kept, as Privacy says.",
    **MEANINGS,
    "adapter_failed": "The request could not be read: a bug, or a newer format.",
    "gave_up": "Digesting failed six times: see the reason of a sample.",
    "refused": "PostgreSQL refused it: see the reason of a sample.",
    "derive_failed": "What the pieces mean together could not be told.",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Requests refused for a key. ``name``: what the key is called, "" when it is gone."""

    prefix: str
    name: str
    why: str
    n: int


@dataclass(frozen=True, slots=True)
class Client:
    """A program that sent requests. ``busiest``: the most of one hour; ``last``: the hour of the
    latest."""

    name: str
    n: int
    busiest: int
    last: datetime


@dataclass(frozen=True, slots=True)
class QuarantineGroup:
    """Quarantined rows of one reason; ``job`` is at work on them."""

    code: str
    hint: str
    rows: int
    items: int
    first_at: datetime
    last_at: datetime
    job: Job | None = None


@dataclass(frozen=True, slots=True)
class Sources:
    clients: list[Client]
    refusals: list[Refusal]
    chart: Chart


def hint_of(code: str) -> str:
    if code.startswith(IR_WARNING):
        return "ai.matey changed a request between two formats: see Translation."
    return HINTS.get(code, "")


def read_sources(project: Project, time_range: TimeRange) -> Sources:
    """By what programs, in which formats, and with which refused keys data was sent."""
    rows = list(
        IngestCounter.objects.filter(
            project_id=project.pk,
            hour__gte=time_range.start,
            hour__lt=time_range.end,
            fate__in=[Fate.FORMAT, Fate.CLIENT, Fate.REFUSED],
        ).values_list("fate", "detail", "hour", "n")
    )
    return Sources(
        clients=_clients([(detail, at, n) for fate, detail, at, n in rows if fate == Fate.CLIENT]),
        refusals=_name_refusals(
            project, _totals((detail, n) for fate, detail, _, n in rows if fate == Fate.REFUSED)
        ),
        chart=_chart(
            time_range, [(detail, at, n) for fate, detail, at, n in rows if fate == Fate.FORMAT]
        ),
    )


def _clients(rows: list[tuple[str, datetime, int]]) -> list[Client]:
    hours: dict[str, list[tuple[int, datetime]]] = {}
    for name, at, n in rows:
        hours.setdefault(name, []).append((n, at))
    return [
        Client(name, total, max(n for n, _ in hours[name]), max(at for _, at in hours[name]))
        for name, total in _totals((name, n) for name, _, n in rows)
    ]


def _totals(pairs: Iterable[tuple[str, int]]) -> list[tuple[str, int]]:
    sums: dict[str, int] = {}
    for name, n in pairs:
        sums[name] = sums.get(name, 0) + n
    return sorted(sums.items(), key=lambda pair: (-pair[1], pair[0]))[:MOST_GROUPS]


def _name_refusals(project: Project, found: list[tuple[str, int]]) -> list[Refusal]:
    split = [(*detail.rpartition(" ")[::2], n) for detail, n in found]
    keys = ApiKey.objects.filter(project=project, prefix__in=[prefix for prefix, _, _ in split])
    names = dict(keys.values_list("prefix", "name"))
    return [
        Refusal(prefix, names.get(prefix, ""), STATUSES.get(status, status), n)
        for prefix, status, n in split
    ]


def _chart(time_range: TimeRange, rows: list[tuple[str, datetime, int]]) -> Chart:
    """Items by wire format, an hour or more to a bar."""
    if time_range.interval.step < HOUR:
        time_range = replace(time_range, interval=Interval.HOUR)
    totals = _totals((wire_format, n) for wire_format, _, n in rows)
    names = [name for name, _ in totals[:MOST_FORMATS]]
    starts = list(time_range.buckets())
    lines = []
    for name in names:
        sums: dict[datetime, int] = {}
        for wire_format, at, n in rows:
            if wire_format == name:
                bucket = floor_to(at, time_range.interval)
                sums[bucket] = sums.get(bucket, 0) + n
        values = [n for _, n in fill_gaps(time_range, sums, empty=0)]
        lines.append(Line(FORMATS.get(name, name), values))
    return Chart(
        id="chart-formats",
        title="Items by wire format",
        kind="stacked",
        unit="count",
        labels=label_buckets(time_range, starts),
        series=lines,
    )


def list_groups(project: Project) -> list[QuarantineGroup]:
    """What is in quarantine, by the code of its reason, the most first."""
    rows = (
        Quarantined.objects.filter(project_id=project.pk)
        .annotate(code=CODE)
        .values("code")
        .annotate(
            rows=Count("pk"),
            items=Sum("n_items"),
            first=Min("received_at"),
            last=Max("received_at"),
        )
        .order_by("-items", "code")[:MOST_GROUPS]
    )
    jobs = _open_jobs(project)
    return [
        QuarantineGroup(
            row["code"],
            hint_of(row["code"]),
            row["rows"],
            row["items"],
            row["first"],
            row["last"],
            jobs.get(row["code"]),
        )
        for row in rows
    ]


def _open_jobs(project: Project) -> dict[Any, Job]:
    jobs = Job.objects.filter(project=project, kind=KIND, state__in=["waiting", "running"])
    return {job.params["code"]: job for job in jobs}

"""What ai.matey's backends can do, how requests change on the way to them, and what stands alone.

Documents are read newest first, a bounded number of them: what the page costs does not grow.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from core.timebuckets import TimeRange
from tracking.adapters.json_values import JsonObject, obj
from tracking.adapters.matey import BACKENDS, EXCHANGES, ORPHANS
from tracking.adapters.matey_spans import IR_WARNING
from tracking.cleaning import clean_name
from tracking.models import Document
from tracking.statements import fetch_all

MOST_BACKENDS = 24
MOST_REQUESTS = 5_000
MOST_ORPHANS = 50
MOST_PAIRS = 40
SUFFIX = "-backend"

RECENT = (
    "WITH recent AS MATERIALIZED (SELECT summary FROM tracking_document"
    " WHERE project_id = %s AND system = %s AND last_at >= %s AND last_at < %s"
    " ORDER BY last_at DESC, key LIMIT %s)"
    " SELECT 'warning', w ->> 0, w ->> 1, w ->> 2, w ->> 3, sum((w ->> 4)::bigint)"
    " FROM recent, jsonb_array_elements(summary -> 'warnings') w GROUP BY 1, 2, 3, 4, 5"
    " UNION ALL SELECT 'pair', p ->> 0, p ->> 1, '', '', sum((p ->> 2)::bigint)"
    " FROM recent, jsonb_array_elements(summary -> 'pairs') p GROUP BY 1, 2, 3"
    " UNION ALL SELECT 'request', '', '', '', '', count(*) FROM recent"
)


@dataclass(frozen=True, slots=True)
class Backend:
    name: str
    told_at: datetime
    capabilities: JsonObject


@dataclass(frozen=True, slots=True)
class Drift:
    """A kind of change on the way from a format to a backend. ``share`` is of its answers;
    ``query`` addresses the traces that have it."""

    category: str
    severity: str
    n: int
    share: float
    query: str


@dataclass(slots=True)
class Pair:
    frontend: str
    backend: str
    n_answers: int
    drifts: list[Drift] = field(default_factory=list)

    @property
    def n_warnings(self) -> int:
        return sum(drift.n for drift in self.drifts)


@dataclass(frozen=True, slots=True)
class DriftReport:
    """``is_partial``: only the latest MOST_REQUESTS requests of the range were read."""

    pairs: list[Pair]
    n_requests: int

    @property
    def is_partial(self) -> bool:
        return self.n_requests >= MOST_REQUESTS


@dataclass(frozen=True, slots=True)
class Orphan:
    at: datetime
    summary: JsonObject


def list_backends(project_id: int) -> list[Backend]:
    """The backends whose capabilities were told, by name."""
    told = Document.objects.filter(project_id=project_id, system=BACKENDS).order_by("-last_at")
    rows = told.values_list("key", "last_at", "summary")[:MOST_BACKENDS]
    return sorted(
        (Backend(key, at, obj(summary.get("capabilities"))) for key, at, summary in rows),
        key=lambda backend: backend.name,
    )


def find_capabilities(project_id: int, names: Iterable[str]) -> dict[str, JsonObject]:
    """What backends can do, by the names that requests call them: with or without -backend."""
    wanted = {name: {name, name + SUFFIX, name.removesuffix(SUFFIX)} for name in names if name}
    if not wanted:
        return {}
    told = Document.objects.filter(
        project_id=project_id, system=BACKENDS, key__in=sorted(set().union(*wanted.values()))
    )
    known = {
        key: obj(summary.get("capabilities")) for key, summary in told.values_list("key", "summary")
    }
    found = {
        name: next((known[k] for k in sorted(ks) if k in known), None)
        for name, ks in wanted.items()
    }
    return {name: each for name, each in found.items() if each is not None}


def has_exchange(project_id: int, request_id: str) -> bool:
    """Whether pieces of this request were sent: its trace has the request's id."""
    found = Document.objects.filter(
        project_id=project_id, system=EXCHANGES, key=clean_name(request_id)
    )
    return found.exists()


def read_drift(project_id: int, time_range: TimeRange) -> DriftReport:
    """How the latest requests of the range were changed, by format and backend."""
    params = [project_id, EXCHANGES, time_range.start, time_range.end, MOST_REQUESTS]
    answers: Counter[tuple[str, str]] = Counter()
    warned: defaultdict[tuple[str, str], list[tuple[str, str, int]]] = defaultdict(list)
    n_requests = 0
    for what, frontend, backend, category, severity, n in fetch_all(RECENT, params):
        if what == "warning":
            warned[frontend, backend].append((category, severity, int(n)))
        elif what == "pair":
            answers[frontend, backend] = int(n)
        else:
            n_requests = int(n)
    pairs = [
        Pair(*pair, answers[pair], _drifts(pair, warned[pair], answers[pair]))
        for pair in answers.keys() | warned.keys()
    ]
    pairs.sort(key=lambda pair: (-pair.n_warnings, -pair.n_answers, pair.frontend, pair.backend))
    return DriftReport(pairs[:MOST_PAIRS], n_requests)


def _drifts(pair: tuple[str, str], rows: list[tuple[str, str, int]], n_answers: int) -> list[Drift]:
    ordered = sorted(rows, key=lambda row: (-row[2], row[0], row[1]))
    return [
        Drift(
            category,
            severity,
            n,
            min(1.0, n / n_answers) if n_answers else 0.0,
            _query(category, *pair),
        )
        for category, severity, n in ordered
    ]


def _query(category: str, frontend: str, backend: str) -> str:
    sought = {"warning": IR_WARNING + category}
    ends = {"metadata.frontend": frontend, "metadata.backend": backend}
    return urlencode(sought | {key: name for key, name in ends.items() if name})


def list_orphans(project_id: int) -> list[Orphan]:
    """The latest warnings and chunks that name no request."""
    rows = Document.objects.filter(project_id=project_id, system=ORPHANS).order_by("-last_at")
    return [
        Orphan(at, obj(summary))
        for at, summary in rows.values_list("last_at", "summary")[:MOST_ORPHANS]
    ]

"""What the filter bar of a page shows: the time range, active filters, what else there is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from django.core.cache import cache
from django.http import HttpRequest, QueryDict

from core.timebuckets import TimeRange, parse_range
from tracking.filters import RANGES, SCORE_PREFIX, EventFilter, FilterError, parse_filter
from tracking.score_chips import SCORE_METRIC
from tracking.series import top
from tracking.shapes import Page, SessionRow
from tracking.tops import list_names

Row = TypeVar("Row")

PRESETS = (("24h", "24 h"), ("7d", "7 d"), ("30d", "30 d"), ("90d", "90 d"))
DEFAULT_PRESET = "7d"
LABELS = {
    "session_id": "Session",
    "user_id": "User",
    "trace_id": "Trace",
    "run_id": "Run",
    "model": "Model",
    "provider": "Provider",
    "kind": "Kind",
    "status": "Status",
    "error": "Error",
    "warning": "Warning",
    "finish_reason": "Finish reason",
    "prompt": "Prompt",
    "prompt_version": "Prompt version",
    "config": "Config",
    "experiment": "Experiment",
    "variant": "Variant",
    "tag": "Tag",
    "cost_gte": "Cost at least $",
    "cost_lte": "Cost at most $",
    "duration_gte": "Duration at least ms",
    "duration_lte": "Duration at most ms",
    "tokens_gte": "Tokens at least",
    "tokens_lte": "Tokens at most",
    "q": "Contains",
    "implicit": "With traces of no session",
}
# A parameter that means nothing without another goes when the other one goes.
DEPENDANTS = {"experiment": ("variant",), "prompt": ("prompt_version",)}
PAGE_SIZE = 50
SCORES_OFFERED = 6
MOST_ENVIRONMENTS = 50
ENVIRONMENTS_KEPT = 60  # seconds
NAMES_OFFERED = 20
NAMES_KEPT = 10  # seconds
NOT_KEPT = ("from", "to", "range", "cursor", "seen")


@dataclass(frozen=True, slots=True)
class PageFilter:
    """The filter of a page, always with a time range; ``error`` says what was not understood."""

    flt: EventFilter
    time_range: TimeRange
    preset: str
    error: str = ""


def read_page_filter(request: HttpRequest, *, now: datetime) -> PageFilter:
    """Read the filter from the URL; nonsense falls back to the default and is said."""
    try:
        flt, error = parse_filter(request.GET, now=now), ""
    except FilterError as problem:
        flt, error = EventFilter(), f"Not understood — {problem} Shown without filters."
    preset = "" if request.GET.get("from") or request.GET.get("to") else request.GET.get("range")
    if flt.time_range is None:
        preset = DEFAULT_PRESET
    chosen = flt.time_range or parse_range(DEFAULT_PRESET, now=now)
    return PageFilter(replace(flt, time_range=chosen), chosen, preset or "", error)


class ReadPage(Protocol[Row]):
    def __call__(
        self, project_id: int, flt: EventFilter, *, page_size: int = ..., cursor: str = ...
    ) -> Page[Row]: ...


def read_list(
    read: ReadPage[Row], project_id: int, page: PageFilter, *, cursor: str
) -> tuple[Page[Row], PageFilter]:
    """Read a page of a list; a sort that means nothing is said and left out. Raises CursorError."""
    try:
        return read(project_id, page.flt, page_size=PAGE_SIZE, cursor=cursor), page
    except FilterError as problem:
        error, flt = f"Not understood — {problem}", replace(page.flt, sort="")
    return read(project_id, flt, page_size=PAGE_SIZE), replace(page, flt=flt, error=error)


def list_environments(project_id: int, time_range: TimeRange) -> list[str]:
    """Names for the menu of every page; a new one may take a minute to appear."""
    key = f"environments:{project_id}:{time_range.start:%Y%m%d%H}:{time_range.end:%Y%m%d%H}"
    names: list[str] | None = cache.get(key)
    if names is None:
        rows = top(project_id, time_range, family="environment", limit=MOST_ENVIRONMENTS)
        names = sorted(row.key for row in rows if row.key)
        cache.set(key, names, ENVIRONMENTS_KEPT)
    return names


def describe_bar(
    request: HttpRequest, page: PageFilter, *, environments: Iterable[str]
) -> dict[str, Any]:  # a template context
    """What ``_range.html`` and ``_chips.html`` show."""
    kept = [pair for pair in request.GET.items() if pair[0] not in NOT_KEPT]
    return {
        "flt": page.flt,
        "filter_error": page.error,
        "range": {
            "presets": PRESETS,
            "preset": page.preset,
            "start": page.time_range.start,
            "end": page.time_range.end,
            "kept": kept,
        },
        "environments": list(environments),
        "environment": page.flt.environment,
        "can_live": True,
        "live": request.GET.get("live") == "1",
        "chips": list_chips(request.GET, page.flt),
        "clear_url": clear_url(request.GET),
    }


def list_chips(params: QueryDict, flt: EventFilter) -> list[dict[str, str]]:
    chips = [
        {"label": label, "value": _shown(getattr(flt, name)), "url": _without(params, name)}
        for name, label in LABELS.items()
        if getattr(flt, name) not in ("", None, False)
    ]
    return (
        chips
        + [
            {"label": key, "value": value, "url": _without(params, f"metadata.{key}")}
            for key, value in flt.metadata
        ]
        + [
            {
                "label": f"{bound.name} at {'least' if bound.end == 'gte' else 'most'}",
                "value": f"{bound.value:g}",
                "url": _without(params, bound.param),
            }
            for bound in flt.scores
        ]
    )


def clear_url(params: QueryDict) -> str:
    """The page with its time range and environment, without any other filter."""
    query = QueryDict(mutable=True)
    for name in ("range", "from", "to", "environment", "sort", "live"):
        if name in params:
            query[name] = str(params[name])
    return f"?{query.urlencode()}"


def build_facet(params: QueryDict, name: str, values: Iterable[tuple[str, int | None]]) -> object:
    """One menu of values: choosing the active one takes the filter away."""
    active = params.get(name, "")
    return {
        "label": LABELS[name],
        "active": bool(active),
        "values": [
            {
                "value": value,
                "count": size,
                "active": value == active,
                "url": _without(params, name) if value == active else _with(params, name, value),
            }
            for value, size in values
            if value
        ],
    }


TYPED = (
    *(
        "user_id",
        "session_id",
        "experiment",
        "variant",
        "config",
        "tag",
        "provider",
        "warning",
        "finish_reason",
    ),
)


def describe_form(
    params: QueryDict, flt: EventFilter, *, has_implicit: bool, scores: Sequence[str] = ()
) -> dict[str, Any]:
    """The filters that are typed in, and the parameters their form must keep.

    ``scores``: names of scores that may be asked for, from a number on.
    """
    labels = {name: LABELS[name] for name in TYPED}
    labels |= {(key := f"{name}_{end}"): LABELS[key] for name in RANGES for end in ("gte", "lte")}
    labels |= {f"{SCORE_PREFIX}{name}_gte": f"Score {name} at least" for name in scores}
    labels |= {f"{SCORE_PREFIX}{name}_lte": f"Score {name} at most" for name in scores}
    names = list(labels)
    return {
        "fields": [
            {
                "name": name,
                "label": label,
                "value": params.get(name, ""),
                "is_number": name not in TYPED,
                "is_signed": name.startswith(SCORE_PREFIX),
            }
            for name, label in labels.items()
        ],
        "kept": [
            pair for pair in params.items() if pair[0] not in {*names, "implicit", "cursor", "seen"}
        ],
        "has_implicit": has_implicit,
    }


def name_scores(rows: Iterable[SessionRow], flt: EventFilter) -> list[str]:
    """Scores that a list may be filtered by: those its rows show, and those asked for."""
    shown = {name for row in rows for name in row.metrics if name.startswith(SCORE_METRIC)}
    names = {name.removeprefix(SCORE_METRIC) for name in shown} | {b.name for b in flt.scores}
    return sorted(names)[:SCORES_OFFERED]


def list_facets(
    project_id: int, page: PageFilter, params: QueryDict, *, families: Iterable[str]
) -> list[object]:
    """Menus of the most used models, prompts and so on of the time range."""
    chosen = tuple(families)
    names = _names_used(project_id, page.time_range, with_errors="error" in chosen)
    return [build_facet(params, family, names[family]) for family in chosen]


Menus = Mapping[str, Sequence[tuple[str, int | None]]]


def _names_used(project_id: int, time_range: TimeRange, *, with_errors: bool) -> Menus:
    """Up to ten seconds old: who sorts, filters, pages or follows a list asks for them each time,
    and they cost more than the list itself."""
    hours = f"{time_range.start:%Y%m%d%H}:{time_range.end:%Y%m%d%H}"
    key = f"names:{project_id}:{hours}:{with_errors:d}"
    menus: Menus | None = cache.get(key)
    if menus is None:
        menus = list_names(project_id, time_range, limit=NAMES_OFFERED)
        if with_errors:
            rows = top(project_id, time_range, family="error", limit=NAMES_OFFERED)
            menus = {**menus, "error": [("any", None), *((row.key, row.errors) for row in rows)]}
        cache.set(key, menus, NAMES_KEPT)
    return menus


def _shown(value: object) -> str:
    return "yes" if value is True else f"{value:g}" if isinstance(value, float) else str(value)


def _without(params: QueryDict, name: str) -> str:
    query = params.copy()
    for key in (name, *DEPENDANTS.get(name, ()), "cursor", "seen"):
        query.pop(key, None)
    return f"?{query.urlencode()}"


def _with(params: QueryDict, name: str, value: str) -> str:
    query = params.copy()
    for key in (*DEPENDANTS.get(name, ()), "cursor", "seen"):
        query.pop(key, None)
    query[name] = value
    return f"?{query.urlencode()}"

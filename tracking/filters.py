"""What lists, pages and exports are filtered by: URL parameters ↔ one frozen value."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from core.timebuckets import RangeError, TimeRange, parse_range, pick_interval
from tracking.events import Kind, Status

MAX_TEXT = 512
MAX_METADATA = 10
METADATA_PREFIX = "metadata."
MAX_SCORES = 10
SCORE_PREFIX = "score."
ENDS = ("_gte", "_lte")
RANGES = ("cost", "duration", "tokens")
TEXTS = (
    "session_id",
    "user_id",
    "trace_id",
    "run_id",
    "model",
    "provider",
    "kind",
    "status",
    "error",
    "warning",
    "finish_reason",
    "prompt",
    "prompt_version",
    "config",
    "experiment",
    "variant",
    "environment",
    "tag",
    "q",
    "sort",
)
KINDS = {kind.name.lower(): kind for kind in Kind}
STATUSES = {status.name.lower(): status for status in Status}
ANY_ERROR = "any"


class FilterError(ValueError):
    """A parameter that means nothing. Names it, so that a form can point at it."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


@dataclass(frozen=True, slots=True, order=True)
class ScoreBound:
    """What a session's score of a name, the mean of several, is at least or at most."""

    name: str
    end: str  # gte | lte
    value: float

    @property
    def param(self) -> str:
        return f"{SCORE_PREFIX}{self.name}_{self.end}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFilter:
    """Empty values filter nothing. Ranges are inclusive: dollars, milliseconds, tokens in + out."""

    time_range: TimeRange | None = None
    session_id: str = ""
    user_id: str = ""
    trace_id: str = ""
    run_id: str = ""
    model: str = ""
    provider: str = ""
    kind: str = ""
    status: str = ""
    error: str = ""  # an error type; "any": with an error
    warning: str = ""  # a code; "ir:<category>" of what ai.matey warned of
    finish_reason: str = ""
    prompt: str = ""
    prompt_version: str = ""
    config: str = ""
    experiment: str = ""
    variant: str = ""
    environment: str = ""
    tag: str = ""
    metadata: tuple[tuple[str, str], ...] = ()
    cost_gte: float | None = None
    cost_lte: float | None = None
    duration_gte: float | None = None
    duration_lte: float | None = None
    tokens_gte: float | None = None
    tokens_lte: float | None = None
    scores: tuple[ScoreBound, ...] = ()
    q: str = ""
    implicit: bool = False
    sort: str = ""  # a field, descending with a leading "-"; "" is the list's own order


def parse_filter(params: Mapping[str, Any], *, now: datetime | None = None) -> EventFilter:
    """Read URL parameters (a QueryDict or a dict of texts).

    Times: ``from`` and ``to``, or ``range`` (a preset such as 24h, which needs ``now``); without
    them the filter holds no time range. Unknown parameters are not a filter's (cursors, tabs).
    """
    texts: dict[str, Any] = {name: _text(name, params.get(name, "")) for name in TEXTS}
    _check_choice("kind", texts["kind"], KINDS)
    _check_choice("status", texts["status"], STATUSES)
    _check_needs(texts, "variant", "experiment")
    _check_needs(texts, "prompt_version", "prompt")
    return EventFilter(
        **texts,
        **_bounds(params),
        time_range=_time_range(params, now),
        metadata=_metadata(params),
        scores=_scores(params),
        implicit=params.get("implicit", "") in {"1", "true", "yes"},
    )


def to_params(flt: EventFilter) -> list[tuple[str, str]]:
    """Return the parameters that :func:`parse_filter` reads back, in a fixed order."""
    found: list[tuple[str, str]] = []
    for field in fields(flt):
        value = getattr(flt, field.name)
        if field.name == "time_range":
            found += _range_params(value)
        elif field.name == "metadata":
            found += [(METADATA_PREFIX + key, text) for key, text in value]
        elif field.name == "scores":
            found += [(bound.param, repr(bound.value)) for bound in value]
        elif isinstance(value, bool):
            found += [(field.name, "1")] if value else []
        elif value not in ("", None):
            found.append((field.name, value if isinstance(value, str) else repr(value)))
    return found


def to_query(flt: EventFilter) -> str:
    """Return the filter as a query string, without ``?``."""
    return urlencode(to_params(flt))


def _text(field: str, value: object) -> str:
    text = str(value or "").strip()
    if len(text.encode("utf-8", "replace")) > MAX_TEXT:
        raise FilterError(field, f"At most {MAX_TEXT} bytes.")
    if "\x00" in text:
        raise FilterError(field, "Holds a NUL character.")
    return text


def _check_choice(field: str, value: str, choices: Mapping[str, object]) -> None:
    if value and value not in choices:
        raise FilterError(field, f"One of {', '.join(choices)}.")


def _check_needs(texts: Mapping[str, str], field: str, needed: str) -> None:
    if texts[field] and not texts[needed]:
        raise FilterError(field, f"Means nothing without '{needed}'.")


def _bounds(params: Mapping[str, Any]) -> dict[str, Any]:  # numbers or None, by field
    names = [f"{name}_{end}" for name in RANGES for end in ("gte", "lte")]
    return {name: _number(name, params.get(name, "")) for name in names}


def _number(field: str, value: object, *, lowest: float = 0.0) -> float | None:
    text = str(value).strip()
    if not text:
        return None
    try:
        number = float(text)
    except ValueError as error:
        raise FilterError(field, "A number.") from error
    if not math.isfinite(number) or number < lowest:
        raise FilterError(field, "A number." if lowest else "A number from 0.")
    return number


def _metadata(params: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    found = sorted(
        (_text(name, name.removeprefix(METADATA_PREFIX)), _text(name, params[name]))
        for name in params
        if name.startswith(METADATA_PREFIX)
    )
    if len(found) > MAX_METADATA:
        raise FilterError("metadata", f"At most {MAX_METADATA} keys.")
    return tuple((key, value) for key, value in found if key and value)


def _scores(params: Mapping[str, Any]) -> tuple[ScoreBound, ...]:
    found = []
    for param in params:
        if not param.startswith(SCORE_PREFIX):
            continue
        name = _text(param, param[len(SCORE_PREFIX) : -len(ENDS[0])])
        if not param.endswith(ENDS) or not name:
            raise FilterError(param, "A score's filter ends in _gte or _lte.")
        value = _number(param, params[param], lowest=-math.inf)
        if value is not None:
            found.append(ScoreBound(name, param[-3:], value))
    if len(found) > MAX_SCORES:
        raise FilterError("score", f"At most {MAX_SCORES} bounds.")
    return tuple(sorted(found))


def _time_range(params: Mapping[str, Any], now: datetime | None) -> TimeRange | None:
    start, end, preset = (str(params.get(name) or "") for name in ("from", "to", "range"))
    if not (start or end or preset):
        return None
    if now is None and not (start and end):
        raise FilterError("from", "Both 'from' and 'to' are needed here.")
    try:
        return parse_range(
            preset,
            start=start,
            end=end,
            interval=str(params.get("interval") or ""),
            now=now or datetime.fromisoformat("9999-01-01T00:00:00+00:00"),
        )
    except RangeError as error:
        raise FilterError(error.field, str(error)) from error


def _range_params(time_range: TimeRange | None) -> list[tuple[str, str]]:
    if time_range is None:
        return []
    found = [("from", time_range.start.isoformat()), ("to", time_range.end.isoformat())]
    if time_range.interval != pick_interval(time_range.span):
        found.append(("interval", time_range.interval.value))
    return found

"""Events of ai-experiments, and any other point, to an :class:`IncomingEvent`. Pure.

A run is a trace of points: its id is the trace's. Whole experiments and sessions that name no run
have a trace of their own, so that their points stand together.
"""

import math
from collections.abc import Callable

from tracking.adapters.analytics_envelope import ENVIRONMENT_KEYS, Envelope, first_among, id_among
from tracking.adapters.dialects.codecs import METADATA, TAGS
from tracking.cleaning import clean_error, clean_name
from tracking.events import IncomingEvent, Kind, Payload, Receipt, Status
from tracking.identity import content_rank
from tracking.timestamps import settle_moment

Metric = tuple[str, float]

EXPERIMENT_TYPES = frozenset({"experiment.start", "experiment.complete"})
EXPERIMENT_TRACE = "experiment:"
SESSION_TRACE = "session:"
RUN_ENDED, RUN_FAILED = "variant.complete", "variant.error"

RUN_KEYS = ("runId", "run_id")
SESSION_KEYS = ("sessionId", "session_id")
USER_KEYS = ("userId", "user_id", "customerId", "customer_id")
EXPERIMENT_KEYS = ("experimentId", "experiment_id")
VARIANT_KEYS = ("variantId", "variant_id")
DURATION_KEYS = ("duration", "durationMs")
_NESTED = ("metadata", "dimensions", "config")
_TOLD = frozenset(
    {
        *RUN_KEYS,
        *SESSION_KEYS,
        *USER_KEYS,
        *EXPERIMENT_KEYS,
        *VARIANT_KEYS,
        *ENVIRONMENT_KEYS,
        *DURATION_KEYS,
        *_NESTED,
        *("experimentName", "variantName", "variantCount", "parallel", "metricValue", "metricName"),
        *("success", "error", "errorMessage", "stack", "result", "tags", "successCount"),
        *("failureCount", "totalDuration", "bestVariant", "context", "optionCount"),
        *("selectedScore", "allScores", "strategy", "epsilon", "selected", "sample", "priors"),
        *("ucb", "mean", "count", "explorationFactor"),
    }
)
"""Keys of ``data`` that have a meaning; the others are the user's own metadata."""


def map_point(envelope: Envelope, identity: bytes, receipt: Receipt) -> IncomingEvent:
    data = envelope.data
    at_us, rest_ns = (None, 0) if envelope.at_ns is None else divmod(envelope.at_ns, 1000)
    occurred_us, needs_clock, warnings = settle_moment(at_us, receipt)
    run, session = _name(data, RUN_KEYS), _name(data, SESSION_KEYS)
    experiment, variant = _name(data, EXPERIMENT_KEYS), _name(data, VARIANT_KEYS)
    is_whole = envelope.type in EXPERIMENT_TYPES
    failed = has_failed(envelope.type, data)
    tags = TAGS.read(data["tags"])[0] if "tags" in data else None
    return IncomingEvent(
        id=identity,
        occurred_us=occurred_us,
        ns_rest=0 if needs_clock else rest_ns * 1000,
        needs_clock=needs_clock,
        content_rank=content_rank(envelope.content),
        kind=int(Kind.EVENT),
        status=int(Status.ERROR if failed else _STATUSES.get(envelope.type, Status.UNSET)),
        name=clean_name(envelope.type),
        trace_id=_trace_of(run, session, experiment if is_whole else ""),
        run_id=run,
        session_own=session,
        user_own=_name(data, USER_KEYS),
        environment=_name(data, ENVIRONMENT_KEYS),
        error=clean_error(error_text(data)) if failed else "",
        error_type=RUN_FAILED if failed else "",
        metrics=_metrics_of(RUN_FAILED if failed else envelope.type, data),
        arms=((experiment, variant),) if experiment and variant and not is_whole else (),
        tags=tags if isinstance(tags, tuple) else (),
        metadata=_metadata_of(data),
        warnings=tuple(sorted({*warnings, *envelope.warnings})),
        payload=Payload(attributes=data or None, extra=envelope.rest),
    )


_STATUSES = {RUN_ENDED: Status.OK}


def has_failed(event_type: str, data: dict[str, object]) -> bool:
    """Whether a run failed. ai-experiments 2.1's stores end every run alike and say how."""
    return event_type == RUN_FAILED or (event_type == RUN_ENDED and data.get("success") is False)


def error_text(data: dict[str, object]) -> str:
    """Return the message of an error that is a text or an object with a message."""
    error = data.get("error")
    if isinstance(error, dict):  # {} is what JSON makes of an Error object
        error = error.get("message")
    said = (error, data.get("errorMessage"))
    return next((each for each in said if isinstance(each, str) and each), "")


def _name(data: dict[str, object], keys: tuple[str, ...]) -> str:
    return clean_name(id_among(data, keys))


def _trace_of(run: str, session: str, experiment: str) -> str:
    if experiment:
        return clean_name(EXPERIMENT_TRACE + experiment)
    if run:
        return run
    return clean_name(SESSION_TRACE + session) if session else ""


def _metrics_of(event_type: str, data: dict[str, object]) -> tuple[Metric, ...]:
    find = _METRICS.get(event_type)
    return tuple(find(data)) if find else ()


def _metrics_of_complete(data: dict[str, object]) -> list[Metric]:
    return [*_duration(data), ("run_completed", 1.0), *_value(data)]


def _metrics_of_error(data: dict[str, object]) -> list[Metric]:
    return [*_duration(data), ("run_failed", 1.0)]


def _value(data: dict[str, object]) -> list[Metric]:
    value = _finite(data.get("metricValue"))
    if value is None:
        return []
    name = _name(data, ("metricName",))
    named = [(name, value)] if name and name != "metric_value" else []
    return [("metric_value", value), *named]


def _duration(data: dict[str, object]) -> list[Metric]:
    duration = _finite(first_among(data, DURATION_KEYS))
    return [("duration_ms", duration)] if duration is not None and duration >= 0 else []


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


_METRICS: dict[str, Callable[[dict[str, object]], list[Metric]]] = {
    RUN_ENDED: _metrics_of_complete,
    RUN_FAILED: _metrics_of_error,
    "metric.computed": _value,
}


def _metadata_of(data: dict[str, object]) -> str:
    """Return what pages filter on: the user's own keys, flat, as JSON."""
    own = {key: value for key, value in data.items() if key not in _TOLD and _is_flat(value)}
    for key in _NESTED:
        nested = data.get(key)
        if isinstance(nested, dict):
            own.update((name, value) for name, value in nested.items() if _is_flat(value))
    text = METADATA.read(own)[0] if own else None
    return text if isinstance(text, str) else ""


def _is_flat(value: object) -> bool:
    return isinstance(value, str | int | float | bool)

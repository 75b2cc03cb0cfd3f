"""JSON events of the demo: customers' ratings, and two executions of an offline experiment."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any
from uuid import UUID

from core.demo.audience import SessionPlan
from core.demo.material import material
from core.demo.recording import stamp

Event = dict[str, Any]

SUMMARY_STYLE = "summary-style"
EXECUTIONS_DAYS_AGO = (8.2, 1.6)
RUNS_A_VARIANT = 75
RATED_SHARE = 0.62
STYLES = (
    # variant, name, mean score, mean milliseconds, share of errors
    ("narrative", "One paragraph", 0.66, 1900, 0.02),
    ("bullets", "Bullet points", 0.79, 1450, 0.02),
    ("headline", "Headline and three facts", 0.72, 1120, 0.06),
)


def rating_of(plan: SessionPlan, ended_at: datetime, rng: Random) -> Event | None:
    """Return what the customer rated the session, from 1 to 5, if they did."""
    if rng.random() > RATED_SHARE:
        return None
    value = min(max(round(rng.gauss(plan.arm.rating, 0.8)), 1), 5)
    data = {"sessionId": plan.id, "metricName": "csat", "metricValue": value}
    return make_event("metric.computed", ended_at + timedelta(seconds=rng.randrange(2, 30)), data)


def runs(now: datetime, rng: Random) -> Iterator[Event]:
    """Yield the events of all executions of the offline experiment, as the library sends them."""
    for days in EXECUTIONS_DAYS_AGO:
        yield from _execution(now - timedelta(days=days), rng)


def _execution(began_at: datetime, rng: Random) -> Iterator[Event]:
    about = {"experimentId": SUMMARY_STYLE, "experimentName": "Summary style"}
    shared = {"owner": "docs", "dataset": "contracts-and-reports"}
    start = about | {"variantCount": len(STYLES), "parallel": True} | shared
    yield make_event("experiment.start", began_at, start)
    at = began_at
    best, best_value = "", 0.0
    counts = {"variant.complete": 0, "variant.error": 0}
    for _ in range(RUNS_A_VARIANT):
        document = rng.choice(material()["runs"]["documents"])
        for place, style in enumerate(STYLES):
            for event in _run(style, document, at + timedelta(milliseconds=place), rng):
                counts[event["type"]] = counts.get(event["type"], 0) + 1
                value = event["data"].get("metricValue", 0.0)
                if value > best_value:
                    best, best_value = event["data"]["variantId"], value
                yield event
        at += timedelta(milliseconds=rng.randrange(2000, 4000))
    done = about | {
        "successCount": counts["variant.complete"],
        "failureCount": counts["variant.error"],
        "totalDuration": round((at - began_at).total_seconds() * 1000),
        "bestVariant": best,
    }
    yield make_event("experiment.complete", at, done | shared)


def _run(
    style: tuple[str, str, float, int, float], document: str, at: datetime, rng: Random
) -> Iterator[Event]:
    variant, name, score, milliseconds, error_share = style
    run_id = str(UUID(int=rng.getrandbits(128), version=4))
    base = {"experimentId": SUMMARY_STYLE, "variantId": variant}
    named = base | {"variantName": name, "runId": run_id, "document": document}
    duration = round(milliseconds * rng.lognormvariate(0, 0.25))
    ended_at = at + timedelta(milliseconds=duration)
    yield make_event("variant.start", at, named)
    if rng.random() < error_share:
        error = rng.choice(("429 Too Many Requests", "The answer was cut off at 800 tokens"))
        stack = f"Error: {error}\n    at summarise (/app/summaries.ts:58:13)"
        failed = named | {"duration": duration, "error": error, "stack": stack}
        yield make_event("variant.error", ended_at, failed)
        return
    value = round(min(max(rng.gauss(score, 0.11), 0.0), 1.0), 3)
    scored = base | {"runId": run_id, "metricValue": value}
    yield make_event("metric.computed", ended_at + timedelta(milliseconds=31), scored)
    done = named | {"duration": duration, "metricValue": value, "success": True}
    yield make_event("variant.complete", ended_at, done)


def make_event(event_type: str, at: datetime, data: dict[str, Any]) -> Event:
    return {"type": event_type, "timestamp": stamp(at), "data": data}

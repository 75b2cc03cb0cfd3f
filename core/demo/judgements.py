"""Scores of the demo: what customers and a judge say of single sessions."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from core.demo.audience import SessionPlan

JUDGED_SHARE, VOTED_SHARE, COMMENTED_SHARE = 0.3, 0.2, 0.35
PRAISE = (
    "Quick and clear, thank you!",
    "It knew my order at once.",
    "Exactly what I needed to know.",
)
BLAME = (
    "I asked twice and still have no date.",
    "The link goes to the wrong page.",
    "That is not what I asked.",
)
Score = dict[str, Any]  # any JSON


def scores_of(
    plan: SessionPlan, ended_at: datetime, *, now: datetime, rng: Random
) -> Iterator[Score]:
    """Yield a customer's vote, and how well the answer kept to what the tools said."""
    quality = (plan.arm.rating - 1) / 4 - (0.3 if plan.fails else 0.0)
    if rng.random() < VOTED_SHARE:
        yield _vote(plan, quality, ended_at + timedelta(seconds=rng.randrange(3, 60)), rng)
    judged_at = ended_at + timedelta(minutes=rng.randrange(5, 60))
    if rng.random() < JUDGED_SHARE and judged_at < now:
        value = round(min(max(rng.gauss(0.35 + 0.6 * quality, 0.1), 0.0), 1.0), 2)
        yield _score(plan, judged_at, name="grounded", value=value, source="judge")


def _vote(plan: SessionPlan, quality: float, at: datetime, rng: Random) -> Score:
    is_good = rng.random() < quality
    vote = _score(plan, at, name="helpful", value=is_good, source="user")
    if rng.random() < COMMENTED_SHARE:
        vote["comment"] = rng.choice(PRAISE if is_good else BLAME)
    return vote


def _score(plan: SessionPlan, at: datetime, *, name: str, value: object, source: str) -> Score:
    return {
        "id": f"{plan.id}/{name}",
        "session_id": plan.id,
        "name": name,
        "value": value,
        "source": source,
        "at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }

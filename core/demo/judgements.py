"""Scores of the demo: what customers, the team, a judge and a check say of sessions and runs."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from core.demo.audience import SessionPlan
from core.demo.recording import stamp

JUDGED_SHARE, VOTED_SHARE, COMMENTED_SHARE = 0.3, 0.2, 0.35
REVIEWED_SHARE, CHECKED_SHARE = 0.03, 0.08
TONES = ("warm", "plain", "curt")
REVIEWS = ("Says what to do next.", "Could have named the date.", "Right, but long.")
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
    quality = quality_of(plan)
    if rng.random() < VOTED_SHARE:
        yield _vote(plan, quality, ended_at + timedelta(seconds=rng.randrange(3, 60)), rng)
    judged_at = ended_at + timedelta(minutes=rng.randrange(5, 60))
    if rng.random() < JUDGED_SHARE and judged_at < now:
        value = round(min(max(rng.gauss(0.35 + 0.6 * quality, 0.1), 0.0), 1.0), 2)
        yield _score(plan, judged_at, name="grounded", value=value, source="judge")
    if rng.random() < CHECKED_SHARE:
        is_clean = rng.random() < 0.4 + 0.6 * quality
        checked_at = ended_at + timedelta(milliseconds=40)
        yield _score(plan, checked_at, name="no_promises", value=is_clean, source="code")
    reviewed_at = ended_at + timedelta(hours=rng.randrange(2, 30))
    if rng.random() < REVIEWED_SHARE and reviewed_at < now:
        (tone,) = rng.choices(TONES, (3 * quality, 2, 1.5 - quality))
        review = _score(plan, reviewed_at, name="tone", value=tone, source="human")
        yield review | {"comment": rng.choice(REVIEWS)}


def quality_of(plan: SessionPlan) -> float:
    """How good a session's answers are, from 0 to 1: what all who judge it see a part of."""
    return (plan.arm.rating - 1) / 4 - (0.3 if plan.fails else 0.0)


def scores_of_runs(items: Sequence[Score], *, now: datetime, rng: Random) -> Iterator[Score]:
    """What the team says of runs of agents: ``items`` as they are posted, traces among them."""
    for item in items:
        ended = item.get("finalOutput", {}).get("completedAt")
        if not ended or rng.random() < 0.3:
            continue
        at = min(datetime.fromisoformat(ended) + timedelta(hours=rng.randrange(1, 9)), now)
        yield {
            "id": f"{item['runId']}/useful",
            "run_id": item["runId"],
            "name": "useful",
            "value": rng.choice((3, 4, 4, 5)),
            "source": "human",
            "comment": rng.choice(REVIEWS),
            "at": stamp(at - timedelta(seconds=1)),
        }


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
        "at": stamp(at),
    }

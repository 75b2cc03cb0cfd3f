"""Who comes to the demo's support chat, when, and into which arm."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random

from core.demo.experiments import EVERYDAY, EXPERIMENTS, Arm

DAYS = 13.9
N_USERS = 640
CHANNELS = ("web", "web", "web", "ios", "android")
PLANS = ("free", "free", "member", "member", "gold")
COUNTRIES = ("DE", "NO", "GB", "NL", "FR", "SE", "AT", "FI")
HOURS = (2, 1, 1, 1, 1, 2, 4, 7, 10, 12, 13, 12, 11, 12, 13, 12, 11, 10, 11, 13, 14, 11, 7, 4)
"""How busy each UTC hour is."""


@dataclass(frozen=True, slots=True)
class User:
    id: str
    plan: str
    channel: str
    country: str


@dataclass(frozen=True, slots=True)
class SessionPlan:
    id: str
    user: User
    started_at: datetime
    experiment: str
    arm: Arm
    environment: str
    release: str


def plan_sessions(now: datetime, rng: Random) -> list[SessionPlan]:
    """Return all sessions by start."""
    users = [_make_user(rng) for _ in range(N_USERS)]
    plans = [
        _plan(arm, experiment=key, days=days, users=users, now=now, rng=rng)
        for key, days, arm in _arms()
        for _ in range(arm.n_sessions)
    ]
    return sorted(plans, key=lambda plan: (plan.started_at, plan.id))


def _arms() -> Iterator[tuple[str, float, Arm]]:
    for experiment in EXPERIMENTS:
        for arm in experiment.arms:
            yield experiment.key, experiment.began_days_ago, arm
    for arm in EVERYDAY:
        yield "", DAYS, arm


def _make_user(rng: Random) -> User:
    number = rng.randrange(10_000, 99_999)
    return User(f"cust_{number}", rng.choice(PLANS), rng.choice(CHANNELS), rng.choice(COUNTRIES))


def _plan(
    arm: Arm, *, experiment: str, days: float, users: list[User], now: datetime, rng: Random
) -> SessionPlan:
    started_at = _pick_start(now, days, rng)
    # Few users come often: the rank falls off like a power law.
    user = users[int(len(users) * rng.random() ** 1.7)]
    is_staging = not experiment and rng.random() < 0.3
    is_old = started_at < now - timedelta(days=6)
    return SessionPlan(
        id=f"chat-{started_at:%m%d}-{rng.getrandbits(40):010x}",
        user=user,
        started_at=started_at,
        experiment=experiment,
        arm=arm,
        environment="staging" if is_staging else "production",
        release="2.14.3" if is_old else "2.15.0",
    )


def _pick_start(now: datetime, days: float, rng: Random) -> datetime:
    """Return a time within the last days, by the day's rhythm."""
    busiest = max(HOURS)
    while True:
        ago = timedelta(days=rng.random() * days, minutes=4)
        started_at = (now - ago).astimezone(UTC)
        quiet = 0.75 if started_at.weekday() >= 5 else 1.0
        if rng.random() * busiest < HOURS[started_at.hour] * quiet and ago.days < math.ceil(DAYS):
            return started_at

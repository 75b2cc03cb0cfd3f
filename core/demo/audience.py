"""Who comes to the demo's support chat, when, and into which arm."""

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
    fails: bool
    environment: str
    release: str


@dataclass(frozen=True, slots=True)
class Shop:
    """Those who may come, the time it is, and chance."""

    users: list[User]
    now: datetime
    rng: Random


def plan_sessions(now: datetime, rng: Random) -> list[SessionPlan]:
    """Return all sessions by start."""
    shop = Shop([_make_user(rng) for _ in range(N_USERS)], now, rng)
    plans = [
        _plan(shop, arm, experiment=experiment, days=days, fails=fails)
        for experiment, days, arm in _arms()
        for fails in _failures(arm, rng)
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


def _failures(arm: Arm, rng: Random) -> list[bool]:
    """Return for each session whether it fails: exactly so many, whatever the seed."""
    n_failing = round(arm.n_sessions * arm.failing)
    failures = [number < n_failing for number in range(arm.n_sessions)]
    rng.shuffle(failures)
    return failures


def _plan(shop: Shop, arm: Arm, *, experiment: str, days: float, fails: bool) -> SessionPlan:
    rng = shop.rng
    started_at = _pick_start(shop.now, days, rng)
    # Few users come often: the rank falls off like a power law.
    user = shop.users[int(len(shop.users) * rng.random() ** 1.7)]
    is_staging = not experiment and rng.random() < 0.3
    is_old = started_at < shop.now - timedelta(days=6)
    return SessionPlan(
        id=f"chat-{started_at:%m%d}-{rng.getrandbits(40):010x}",
        user=user,
        started_at=started_at,
        experiment=experiment,
        arm=arm,
        fails=fails,
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
        if rng.random() * busiest < HOURS[started_at.hour] * quiet:
            return started_at

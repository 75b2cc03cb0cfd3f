"""Decisions of the demo, as ai-experiments tells them: which model answers, which greeting."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import Any

from core.demo.points import Event, make_event

ROUTED, GREETED, RECOMMENDED = 90, 60, 50
DAYS = 9
EPSILON = 0.15
GREETINGS = {"by name": 0.71, "plain": 0.64, "with the order's state": 0.78}


def decisions(now: datetime, rng: Random) -> Iterator[Event]:
    """Yield choices by score, by epsilon-greedy, by Thompson sampling and by upper bounds."""
    for _ in range(ROUTED):
        yield from _route(_moment(now, rng), rng)
    for trial in range(GREETED):
        yield _greet(now - timedelta(days=DAYS * (1 - trial / GREETED)), trial, rng)
    for trial in range(RECOMMENDED):
        yield _recommend(now - timedelta(days=DAYS * (1 - trial / RECOMMENDED)), trial, rng)


def _moment(now: datetime, rng: Random) -> datetime:
    return now - timedelta(seconds=rng.randrange(60, DAYS * 86_400))


def _route(at: datetime, rng: Random) -> Iterator[Event]:
    """A scored choice; every other one is epsilon-greedy, which tells of exploiting twice."""
    scores = sorted((round(rng.betavariate(6, 3), 3) for _ in range(3)), reverse=True)
    context = rng.choice(("Which model answers", "Which article is quoted"))
    is_greedy = rng.random() < 0.5
    greedy = {"context": context, "epsilon": EPSILON}
    if is_greedy and rng.random() < EPSILON:
        told = greedy | {"strategy": "epsilon-greedy-explore", "selectedScore": rng.choice(scores)}
        yield _decision(at, told)
        return
    best = {"optionCount": len(scores), "selectedScore": scores[0], "allScores": scores}
    yield _decision(at, {"context": context} | best)
    if is_greedy:
        told = greedy | {"strategy": "epsilon-greedy-exploit", "selectedScore": scores[0]}
        yield _decision(at + timedelta(milliseconds=1), told)


def _greet(at: datetime, trial: int, rng: Random) -> Event:
    """Thompson sampling: the more it is known, the more often the best greeting is drawn."""
    draws = {}
    for greeting, rate in GREETINGS.items():
        alpha, beta = 1 + round(trial * rate / 2), 1 + round(trial * (1 - rate) / 2)
        draws[greeting] = (rng.betavariate(alpha, beta), {"alpha": alpha, "beta": beta})
    selected = max(draws, key=lambda greeting: draws[greeting][0])
    sample, priors = draws[selected]
    told = {"selected": selected, "sample": round(sample, 4), "priors": priors}
    return _decision(at, {"strategy": "thompson-sampling"} | told)


def _recommend(at: datetime, trial: int, rng: Random) -> Event:
    selected = rng.choices(("bundle", "single item", "nothing"), (5, 3, 1))[0]
    mean = {"bundle": 0.42, "single item": 0.37, "nothing": 0.2}[selected]
    count = 1 + trial // {"bundle": 2, "single item": 3, "nothing": 8}[selected]
    bound = round(mean + 1.4 * (1 / count) ** 0.5, 3)
    told = {"ucb": bound, "mean": mean, "count": count, "explorationFactor": 1.4}
    return _decision(at, {"strategy": "ucb", "selected": selected} | told)


def _decision(at: datetime, data: dict[str, Any]) -> Event:
    return make_event("decision.made", at, data)

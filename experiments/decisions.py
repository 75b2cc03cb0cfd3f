"""What ai-experiments decided: choices among options by score, chance or bandit. Pure.

``decide`` tells scores, ``decideEpsilonGreedy`` whether it explored, the bandits what they drew.
An epsilon-greedy choice that exploits calls ``decide``, which tells of the same choice first: such
a pair is one decision (tracking of ai-experiments 2.0.2).
"""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

GREEDY, THOMPSON, UCB = "decide", "thompson-sampling", "ucb"
EXPLORE, EXPLOIT = "epsilon-greedy-explore", "epsilon-greedy-exploit"
PAIR_WITHIN = timedelta(seconds=1)
MAX_SCORES = 1_000
MAX_NAME = 200
LARGEST = 1e60


@dataclass(frozen=True, slots=True)
class Decision:
    at: datetime
    event_id: str
    strategy: str
    context: str = ""
    selected: str = ""
    options: int | None = None
    score: float | None = None
    scores: tuple[float, ...] = ()  # of all options, the highest first
    epsilon: float | None = None
    sample: float | None = None  # Thompson: the draw that won
    alpha: float | None = None
    beta: float | None = None
    ucb: float | None = None
    mean: float | None = None
    count: float | None = None
    factor: float | None = None
    is_pair: bool = False  # told by two events

    @property
    def spread(self) -> float | None:
        """Between the best and the worst option."""
        return self.scores[0] - self.scores[-1] if len(self.scores) > 1 else None

    @property
    def lead(self) -> float | None:
        """Between the best option and the next one."""
        return self.scores[0] - self.scores[1] if len(self.scores) > 1 else None

    @property
    def prior_mean(self) -> float | None:
        if self.alpha is None or self.beta is None or self.alpha + self.beta <= 0:
            return None
        return self.alpha / (self.alpha + self.beta)

    @property
    def bonus(self) -> float | None:
        """What UCB added to the mean because the option was tried so little."""
        return None if self.ucb is None or self.mean is None else self.ucb - self.mean


@dataclass(frozen=True, slots=True)
class StrategyCount:
    strategy: str
    n: int
    share: float


@dataclass(frozen=True, slots=True)
class Exploration:
    """Epsilon-greedy choices: how many explored, against the epsilon they were told."""

    explored: int
    exploited: int
    epsilon: float | None

    @property
    def share(self) -> float | None:
        total = self.explored + self.exploited
        return self.explored / total if total else None


@dataclass(frozen=True, slots=True)
class ContextScores:
    """The scored decisions about one thing."""

    context: str
    n: int
    options: float | None
    best: float | None
    lead: float | None
    spread: float | None


@dataclass(frozen=True, slots=True)
class Pick:
    """One option of a bandit: how often it won, what was known when it won last."""

    selected: str
    n: int
    share: float
    last: Decision
    mean_sample: float | None
    samples: tuple[float, float] | None  # the lowest and the highest draw


@dataclass(frozen=True, slots=True)
class Summary:
    n: int
    n_pairs: int
    strategies: list[StrategyCount]
    exploration: Exploration
    contexts: list[ContextScores]
    thompson: list[Pick]
    ucb: list[Pick]


def read_decision(at: datetime, event_id: str, data: dict[str, Any]) -> Decision:
    """Read what a client sent: any JSON may stand under any name."""
    priors = data.get("priors")
    told = priors if isinstance(priors, dict) else {}
    scores = data.get("allScores")
    numbers = (_number(each) for each in (scores if isinstance(scores, list) else [])[:MAX_SCORES])
    options = _number(data.get("optionCount"))
    return Decision(
        at=at,
        event_id=event_id,
        strategy=_name(data.get("strategy")) or GREEDY,
        context=_name(data.get("context")),
        selected=_name(data.get("selected")),
        options=None if options is None else int(options),
        score=_number(data.get("selectedScore")),
        scores=tuple(sorted((each for each in numbers if each is not None), reverse=True)),
        epsilon=_number(data.get("epsilon")),
        sample=_number(data.get("sample")),
        alpha=_number(told.get("alpha")),
        beta=_number(told.get("beta")),
        ucb=_number(data.get("ucb")),
        mean=_number(data.get("mean")),
        count=_number(data.get("count")),
        factor=_number(data.get("explorationFactor")),
    )


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) <= LARGEST else None  # NaN compares as false


def _name(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    return str(value)[:MAX_NAME]


def collapse_pairs(decisions: Iterable[Decision]) -> list[Decision]:
    """Make one of each exploiting choice and the plain one it was told by first; oldest first."""
    kept: list[Decision | None] = []
    for decision in sorted(decisions, key=lambda each: (each.at, each.strategy == EXPLOIT)):
        if decision.strategy == EXPLOIT:
            place = _find_twin(kept, decision)
            if place is not None:
                twin = kept[place]
                assert twin is not None
                kept[place] = None
                decision = replace(  # noqa: PLW2901
                    decision, options=twin.options, scores=twin.scores, is_pair=True
                )
        kept.append(decision)
    return [decision for decision in kept if decision is not None]


def _find_twin(kept: Sequence[Decision | None], decision: Decision) -> int | None:
    for place in range(len(kept) - 1, -1, -1):
        earlier = kept[place]
        if earlier is None:
            continue
        if decision.at - earlier.at > PAIR_WITHIN:
            return None
        same = (earlier.context, earlier.score) == (decision.context, decision.score)
        if earlier.strategy == GREEDY and same:
            return place
    return None


def summarise(decisions: Sequence[Decision]) -> Summary:
    """Sum up decisions, oldest first."""
    counts = Counter(decision.strategy for decision in decisions)
    greedy = [each for each in decisions if each.strategy in {EXPLORE, EXPLOIT}]
    return Summary(
        n=len(decisions),
        n_pairs=sum(decision.is_pair for decision in decisions),
        strategies=[StrategyCount(name, n, n / len(decisions)) for name, n in counts.most_common()],
        exploration=Exploration(
            counts[EXPLORE], counts[EXPLOIT], _mean(each.epsilon for each in greedy)
        ),
        contexts=_contexts(decisions),
        thompson=_picks([each for each in decisions if each.strategy == THOMPSON]),
        ucb=_picks([each for each in decisions if each.strategy == UCB]),
    )


def _contexts(decisions: Sequence[Decision]) -> list[ContextScores]:
    groups: dict[str, list[Decision]] = {}
    for decision in decisions:
        if decision.score is not None:
            groups.setdefault(decision.context, []).append(decision)
    found = [
        ContextScores(
            context=context,
            n=len(group),
            options=_mean(each.options for each in group),
            best=_mean(each.score for each in group),
            lead=_mean(each.lead for each in group),
            spread=_mean(each.spread for each in group),
        )
        for context, group in groups.items()
    ]
    return sorted(found, key=lambda each: (-each.n, each.context))


def _picks(decisions: Sequence[Decision]) -> list[Pick]:
    groups: dict[str, list[Decision]] = {}
    for decision in decisions:
        groups.setdefault(decision.selected, []).append(decision)
    found = []
    for selected, group in groups.items():
        samples = [each.sample for each in group if each.sample is not None]
        found.append(
            Pick(
                selected=selected,
                n=len(group),
                share=len(group) / len(decisions),
                last=group[-1],
                mean_sample=_mean(samples),
                samples=(min(samples), max(samples)) if samples else None,
            )
        )
    return sorted(found, key=lambda pick: (-pick.n, pick.selected))


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None and math.isfinite(value)]
    return fmean(known) if known else None

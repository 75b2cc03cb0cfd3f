"""Scores as they are read, and what several of them say together. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import msgspec

NO_METRICS: Mapping[str, float] = {}
NOTE = 300  # characters of a comment beside a chip

SCORE_METRIC = "score:"
"""What the metrics of scores begin with: ``score:<name>``, of labels ``score:<name>=<label>``."""


class ScoreRow(msgspec.Struct, frozen=True, kw_only=True):
    """One judgement: of a session, a trace, a span, a run or a user."""

    id: str
    target: dict[str, str]  # kind, and the ids that name it: {"kind": "span", "trace_id": …}
    name: str
    value: float | bool | str
    source: str  # user | human | judge | code
    comment: str
    at: datetime

    @property
    def truth(self) -> str:
        """ "yes" or "no" of a true or false value, "" of any other."""
        return ("yes" if self.value else "no") if isinstance(self.value, bool) else ""

    @property
    def number(self) -> float | None:
        held = self.value
        return held if isinstance(held, float) else None


@dataclass(frozen=True, slots=True)
class ScoreChip:
    """The scores of one name: the mean of numbers, the share of true ones, or the latest label."""

    name: str
    n: int
    mean: float | None = None
    share: float | None = None
    label: str = ""
    latest: ScoreRow | None = None

    @property
    def note(self) -> str:
        """How many there are, from whom, and what was said: the latest, shortened."""
        many = f"{self.n:,} scores" if self.n > 1 else "1 score"
        if self.latest is None:
            return "the latest of its evaluations"
        said = self.latest.comment
        shown = said if len(said) <= NOTE else f"{said[:NOTE]}…"
        return f"{many}, from {self.latest.source}" + (f": {shown}" if shown else "")

    @property
    def tone(self) -> str:
        """Good or bad news, where the scale is known: true and false."""
        if self.share is None:
            return ""
        return "good" if self.share >= 0.5 else "bad"


def sum_up(
    scores: Sequence[ScoreRow], metrics: Mapping[str, float] = NO_METRICS
) -> list[ScoreChip]:
    """Sum scores up by name; those of one name with different types stand apart.

    ``metrics`` are the latest values of a session: evaluations that came with spans and logs are
    scores among them that nobody sent one by one.
    """
    groups: dict[tuple[str, type], list[ScoreRow]] = {}
    for score in scores:
        groups.setdefault((score.name, type(score.value)), []).append(score)
    chips = [_chip(name, group) for (name, _), group in sorted(groups.items(), key=_place)]
    told = {_metric_of(score) for score in scores}
    # Of many scores the latest are here: the other labels of a name are said by its chip.
    labelled = {f"{SCORE_METRIC}{score.name}" for score in scores if isinstance(score.value, str)}
    return chips + [
        ScoreChip(name.removeprefix(SCORE_METRIC), 1, mean=value)
        for name, value in sorted(metrics.items())
        if name.startswith(SCORE_METRIC)
        and name not in told
        and not ("=" in name and name.partition("=")[0] in labelled)
    ]


def _metric_of(score: ScoreRow) -> str:
    label = f"={score.value}" if isinstance(score.value, str) else ""
    return f"{SCORE_METRIC}{score.name}{label}"


def _place(item: tuple[tuple[str, type], list[ScoreRow]]) -> tuple[str, str]:
    (name, kind), _ = item
    return name, kind.__name__


def _chip(name: str, group: list[ScoreRow]) -> ScoreChip:
    first = group[0].value
    if isinstance(first, str):
        return ScoreChip(name, len(group), label=first, latest=group[0])
    mean = sum(float(score.value) for score in group) / len(group)
    if isinstance(first, bool):
        return ScoreChip(name, len(group), share=mean, latest=group[0])
    return ScoreChip(name, len(group), mean=mean, latest=group[0])

"""Two benchmark artifacts side by side: what they ran with, and what came of it. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracking.adapters.dogpile.summary import describe_benchmark
from tracking.adapters.dogpile.values import JsonObject, json_text, object_of

DEPTH = 4
LONGEST = 300


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting in both; ``None`` where one of them has it not."""

    name: str
    a: str | None
    b: str | None

    @property
    def is_same(self) -> bool:
        return self.a == self.b


def find_frontier(boards: Sequence[tuple[str, Mapping[str, Any]]]) -> set[str]:
    """Of (key, row of the board): those that no other of the same task beats in score or cost
    without being worse in the other."""
    scored = [
        (key, facts.get("task"), float(facts["score"]), float(facts["cost_usd"]))
        for key, facts in boards
        if facts.get("score") is not None and facts.get("cost_usd") is not None
    ]
    return {
        key
        for key, task, score, cost in scored
        if not any(
            other == task and s >= score and c <= cost and (s, c) != (score, cost)
            for _, other, s, c in scored
        )
    }


def compare_settings(a: JsonObject, b: JsonObject) -> list[Difference]:
    """The reproducibility blocks, setting by setting; what differs comes first."""
    left = dict(_flatten(object_of(a.get("reproducibility"))))
    right = dict(_flatten(object_of(b.get("reproducibility"))))
    found = [Difference(name, left.get(name), right.get(name)) for name in {**left, **right}]
    return sorted(found, key=lambda each: each.is_same)


def list_settings(artifact: JsonObject) -> list[tuple[str, str]]:
    return list(_flatten(object_of(artifact.get("reproducibility"))))


def compare_outcomes(a: JsonObject, b: JsonObject) -> list[tuple[str, str, Any, Any]]:
    """(label, unit, a, b): score, its dimensions, cost and the rest."""
    left, right = describe_benchmark(a), describe_benchmark(b)
    rows: list[tuple[str, str, Any, Any]] = [("Score", "count", left["score"], right["score"])]
    scores = [
        {each["name"]: each["score"] for each in side["dimensions"]} for side in (left, right)
    ]
    for name in {**scores[0], **scores[1]}:
        rows.append((name.replace("_", " "), "count", scores[0].get(name), scores[1].get(name)))
    for label, unit, key in (
        ("Quality", "share", "quality"),
        ("Cost", "usd", "cost_usd"),
        ("Tokens", "count", "tokens"),
        ("Turns", "count", "turns"),
        ("Duration", "ms", "duration_ms"),
    ):
        rows.append((label, unit, left[key], right[key]))
    return rows


def _flatten(value: object, name: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value and depth < DEPTH:
        for key, each in value.items():
            yield from _flatten(each, f"{name}.{key}" if name else str(key), depth + 1)
    elif name:
        text = json_text(value)
        yield name, text if len(text) <= LONGEST else text[:LONGEST] + "…"

"""Evaluations that spans and log records carry: judgements of what they name. Pure.

GenAI's event ``gen_ai.evaluation.result`` (OpenTelemetry semantic conventions for GenAI; earlier
its name was that of the evaluation) and OpenInference's flattened lists (its specification,
feedback: annotations and evaluations).
"""

import math
import re
from collections import Counter
from typing import Any

import msgspec

from tracking.events import Evaluation

PREFIX = "gen_ai.evaluation."
EVENT = f"{PREFIX}result"
MAX_SCORES = 100
MAX_SCORE = 1e150

FAMILIES = tuple(
    f"{whose}{what}."
    for whose in ("", "trace.", "session.")
    for what in ("evaluations", "annotations")
)
"""OpenInference's lists of evaluations, flattened: ``evaluations.0.evaluation.score``."""

JUDGE = "judge"
SOURCES = {"HUMAN": "human", "LLM": JUDGE, "CODE": "code"}
"""By OpenInference's ``annotator_kind``; who says nothing, or something else, is a judge."""

_TOLD = frozenset({"name", "score", "explanation", "identifier"})
_split = re.compile(
    r"(?:(trace|session)\.)?(evaluations|annotations)\.(\d{1,18})\.(?:evaluation|annotation)\.(\w+)"
).fullmatch
_encode = msgspec.json.Encoder(order="deterministic").encode

Attributes = dict[str, object]


def is_evaluation(name: str) -> bool:
    """Whether an event of this name is an evaluation."""
    return name.startswith(PREFIX)


def evaluation_of_event(name: str, attributes: Attributes) -> Evaluation | None:
    """The evaluation of a GenAI event; None when it says no name or no value."""
    said = attributes.get(f"{PREFIX}name") or (name != EVENT and name.removeprefix(PREFIX))
    value = attributes.get(f"{PREFIX}score.value", attributes.get(f"{PREFIX}score"))
    found = value_of(value, attributes.get(f"{PREFIX}score.label"))
    if not isinstance(said, str) or not said.strip() or found is None:
        return None
    comment = attributes.get(f"{PREFIX}explanation")
    told = (f"{PREFIX}name", f"{PREFIX}score.value", f"{PREFIX}explanation")
    return Evaluation(
        name=said,
        value=found,
        source=JUDGE,
        key="",
        comment=comment if isinstance(comment, str) else "",
        rest={key: held for key, held in attributes.items() if key not in told},
    )


def evaluations_among_events(span_events: list[Any]) -> list[Evaluation]:
    """The evaluations among a span's events, each named by its time, its name and value, and its
    place among equals: ``[name, ns, attributes]`` and what may follow. Not by its reason, of which
    a project may keep nothing: read again, it is the same one."""
    found: list[Evaluation] = []
    equals: Counter[str] = Counter()
    for name, at_ns, attributes, *_ in span_events[:MAX_SCORES]:
        if not is_evaluation(name):
            continue
        evaluation = evaluation_of_event(name, attributes)
        if evaluation is not None:
            content = _encode([name, at_ns, evaluation.name, evaluation.value]).decode()
            ordinal, equals[content] = equals[content], equals[content] + 1
            key = f"event:{ordinal}:{content}"
            at_us = at_ns // 1000 or None
            found.append(msgspec.structs.replace(evaluation, key=key, at_us=at_us))
    return found


def evaluations_of_attributes(attributes: Attributes) -> tuple[Evaluation, ...]:
    """Flattened lists of evaluations, in the order of their indexes."""
    groups: dict[tuple[str, str, int], Attributes] = {}
    for name, value in attributes.items():
        if name.startswith(FAMILIES) and (parts := _split(name)) is not None:
            group = parts[1] or "span", parts[2], int(parts[3])
            if len(groups) < MAX_SCORES or group in groups:
                groups.setdefault(group, {})[parts[4]] = value
    equals: Counter[str] = Counter()
    read = (_read_fields(*group, groups[group], equals) for group in sorted(groups))
    return tuple(evaluation for evaluation in read if evaluation is not None)


def _read_fields(
    scope: str, form: str, _: int, fields: Attributes, equals: Counter[str]
) -> Evaluation | None:
    name, value = fields.get("name"), value_of(fields.get("score"), fields.get("label"))
    if not isinstance(name, str) or not name.strip() or value is None:
        return None
    source = SOURCES.get(str(fields.get("annotator_kind")), JUDGE)
    identifier, comment = fields.get("identifier"), fields.get("explanation")
    # Indexes are no identity: a list may be in another order when it is said again.
    content = f"{scope}:{form}:{source}:{name}"
    ordinal, equals[content] = equals[content], equals[content] + 1
    return Evaluation(
        name=name,
        value=value,
        source=source,
        key=f"{ordinal}:{content}",
        identifier=identifier if isinstance(identifier, str) else "",
        comment=comment if isinstance(comment, str) else "",
        scope=scope,
        of_link=form == "evaluations",
        rest={
            key: held
            for key, held in fields.items()
            if key not in _TOLD and not (key == "label" and held == value)
        },
    )


def value_of(value: object, label: object) -> float | bool | str | None:
    """The number, or truth, which a label only explains; else the label."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and (number := _finite(value)) is not None:
        return number
    return label if isinstance(label, str) and label.strip() else None


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) <= MAX_SCORE else None

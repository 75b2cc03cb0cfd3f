"""Evaluations as named numbers: the metric ``score:<name>`` of what was evaluated. Pure.

A label without a number counts as 1 under ``score:<name>=<label>``.
"""

import math

from tracking.cleaning import clean_name

EVENT = "gen_ai.evaluation.result"
MAX_SCORES = 100
MAX_SCORE = 1e150

Metric = tuple[str, float]

FAMILIES = tuple(
    f"{whose}{what}."
    for whose in ("", "trace.", "session.")
    for what in ("evaluations", "annotations")
)
"""OpenInference's lists of evaluations, flattened: ``evaluations.0.evaluation.score``."""


def score_of(name: object, value: object, label: object) -> list[Metric]:
    """The metric of one evaluation; none when it says neither a number nor a label."""
    if not isinstance(name, str) or not name:
        return []
    if isinstance(value, bool | int | float):
        number = _finite(value)
        return [] if number is None else [(clean_name(f"score:{name}"), number)]
    if isinstance(label, str) and label:
        return [(clean_name(f"score:{name}={label}"), 1.0)]
    return []


def score_of_event(attributes: dict[str, object]) -> list[Metric]:
    """The metric of a ``gen_ai.evaluation.result`` event."""
    return score_of(
        attributes.get("gen_ai.evaluation.name"),
        attributes.get("gen_ai.evaluation.score.value"),
        attributes.get("gen_ai.evaluation.score.label"),
    )


def scores_of_attributes(attributes: dict[str, object]) -> list[Metric]:
    """The metrics of flattened lists of evaluations, each by its name, the first of a name."""
    groups: dict[str, dict[str, object]] = {}
    for key, value in attributes.items():
        if key.startswith(FAMILIES):
            group, _, field = key.rpartition(".")
            if len(groups) < MAX_SCORES or group in groups:
                groups.setdefault(group, {})[field] = value
    found: dict[str, float] = {}
    for fields in groups.values():
        for name, number in score_of(fields.get("name"), fields.get("score"), fields.get("label")):
            found.setdefault(name, number)
    return sorted(found.items())


def _finite(value: float) -> float | None:
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) <= MAX_SCORE else None

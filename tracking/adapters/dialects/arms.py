"""Which variants of which experiments a span says it saw. Pure."""

from collections.abc import Iterable

from tracking.adapters.dialects.codecs import clean_name
from tracking.adapters.dialects.table import KEYS_OF_COLUMN

Arm = tuple[str, str]

CONFLICT = "arm_conflict"
SOURCES = ("assay", "experiment", "flag")
"""Pairs of attributes, the first that names an experiment wins it; ``assay.assignments`` comes
after the first."""

COLUMNS = tuple(f"{part}:{source}" for source in SOURCES for part in ("arm", "variant"))
MASKS = tuple(
    sum(
        key.mask
        for part in ("arm", "variant")
        for key in KEYS_OF_COLUMN[f"{part}:{source}"]
    )
    for source in SOURCES
)
FLAG_EVENTS = frozenset({"feature_flag", "feature_flag.evaluation"})
_FLAG_VARIANTS = ("feature_flag.result.variant", "feature_flag.variant")


def choose_arms(
    pairs: tuple[object, ...], assigned: Iterable[Arm], further: Iterable[Arm]
) -> tuple[tuple[Arm, ...], int, bool]:
    """Choose from what was sent, most explicit first.

    ``pairs`` holds the values of ``COLUMNS``. Answers the arms, sorted; the mask of the keys whose
    values cannot be told from the arms; and whether an experiment was named with two variants.
    """
    sent = [
        (pairs[at], pairs[at + 1]) if pairs[at] and pairs[at + 1] else None
        for at in range(0, len(pairs), 2)
    ]
    chosen: dict[object, object] = {}
    conflict = False
    for experiment, variant in [*filter(None, sent[:1]), *assigned, *filter(None, sent[1:]), *further]:
        conflict |= chosen.setdefault(experiment, variant) != variant
    arms = tuple(sorted((str(experiment), str(variant)) for experiment, variant in chosen.items()))
    lost = sum(
        mask for pair, mask in zip(sent, MASKS, strict=True) if pair is None or arms != (pair,)
    )
    return arms, lost, conflict


def arms_of_flag_event(name: str, attributes: dict[str, object]) -> list[Arm]:
    """The arm that a feature flag event names, if it does."""
    key = attributes.get("feature_flag.key")
    if name not in FLAG_EVENTS or not isinstance(key, str) or not key:
        return []
    variants = (attributes.get(variant) for variant in _FLAG_VARIANTS)
    return [
        (clean_name(key), clean_name(variant))
        for variant in variants
        if isinstance(variant, str) and variant
    ][:1]

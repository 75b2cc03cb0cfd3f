"""Which variants of which experiments a span says it saw. Pure."""

from tracking.cleaning import clean_name

Arm = tuple[str, str]

CONFLICT = "arm_conflict"
PAIRS = (
    ("arm:assay", "variant:assay"),
    ("arm:experiment", "variant:experiment"),
    ("arm:flag", "variant:flag"),
)
"""Columns of a name and a variant. The first pair that names an experiment wins it; what
``assay.assignments`` says comes after the first pair."""

FLAG_EVENTS = frozenset({"feature_flag", "feature_flag.evaluation"})
_FLAG_VARIANTS = ("feature_flag.result.variant", "feature_flag.variant")


def choose_arms(
    pairs: tuple[str | None, ...], assigned: tuple[Arm, ...], further: tuple[Arm, ...]
) -> tuple[tuple[Arm, ...], tuple[str, ...], bool]:
    """Choose from what was sent, most explicit first.

    ``pairs`` holds the values of ``PAIRS`` in a row. Answers the arms, sorted; the columns of
    ``PAIRS`` that were sent and that the arms cannot give back; and whether variants of one
    experiment disagreed.
    """
    names, variants = pairs[::2], pairs[1::2]
    sent = [
        (name, variant) if name and variant else None
        for name, variant in zip(names, variants, strict=True)
    ]
    whole = [arm for arm in sent if arm]
    first = whole[: 1 if sent[0] else 0]
    chosen: dict[str, str] = {}
    conflict = False
    for experiment, variant in [*first, *assigned, *whole[len(first) :], *further]:
        conflict |= chosen.setdefault(experiment, variant) != variant
    arms = tuple(sorted(chosen.items()))
    kept = {
        column
        for columns, arm in zip(PAIRS, sent, strict=True)
        if arms == (arm,)
        for column in columns
    }
    named = [column for columns in PAIRS for column in columns]
    lost = [
        column for column, value in zip(named, pairs, strict=True) if value and column not in kept
    ]
    return arms, tuple(lost), conflict


def columns_of_arms(arms: tuple[Arm, ...]) -> dict[str, object]:
    """What the columns of ``PAIRS`` held: with one arm they all held it, else they kept nothing."""
    if len(arms) != 1:
        return {}
    ((experiment, variant),) = arms
    return {
        column: held
        for pair in PAIRS
        for column, held in zip(pair, (experiment, variant), strict=True)
    }


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

"""All dialects as one table, and what one attribute means by it. Pure.

The first dialect named, and within it the first key, wins a column: vendor-explicit before generic.
Adding a dialect is a file with ``KEYS`` and its place here.
"""

from tracking.adapters.dialects import (
    anthropic,
    assay,
    dogpile,
    gen_ai,
    google_adk,
    langfuse,
    langsmith,
    matey,
    mlflow,
    openinference,
    opentelemetry,
    pydantic_ai,
    traceloop,
    vercel,
)
from tracking.adapters.dialects.codecs import BODY
from tracking.adapters.dialects.compounds import MARK, is_compound
from tracking.adapters.dialects.keys import Key

DIALECTS = (
    assay,
    langfuse,
    vercel,
    matey,
    dogpile,
    traceloop,
    gen_ai,
    anthropic,
    google_adk,
    pydantic_ai,
    langsmith,
    mlflow,
    openinference,
    opentelemetry,
)

KEYS: dict[str, Key] = {key.name: key for dialect in DIALECTS for key in dialect.KEYS}
RANKS: dict[str, int] = {name: rank for rank, name in enumerate(KEYS)}
KEYS_OF_COLUMN: dict[str, list[Key]] = {}
for _key in KEYS.values():
    KEYS_OF_COLUMN.setdefault(_key.column, []).append(_key)
LAST_RESORTS = frozenset(keys[-1].name for keys in KEYS_OF_COLUMN.values())
"""The last key of each column: where it disagrees with what fills the column, it has lost."""

Entry = tuple[str | None, int, object, str, object, str]
"""(column or None, mask of the bit if the column gives the value back, the column's value,
key, value as sent, warning code or ``MARK``)"""


def needs_second_step(name: str) -> bool:
    """Whether a span with this attribute is looked at as a whole: see ``compounds``."""
    return name in _TWO_STEPS or (name not in KEYS and is_compound(name))


# A text that a column holds too, without a bit to say so, is folded in the second step.
_TWO_STEPS = frozenset(
    key.name
    for key in KEYS.values()
    if is_compound(key.name) or (key.codec is BODY and not key.mask)
)


def read_attribute(name: str, raw: object) -> Entry:
    key = KEYS.get(name)
    if key is None:
        return None, 0, None, name, raw, MARK if is_compound(name) else ""
    value, exact, warning = key.codec.read(raw)
    if not warning and name in _TWO_STEPS:
        warning = MARK
    if value is None:
        return None, 0, None, name, raw, warning
    if not exact:
        return key.column, 0, value, name, raw, warning
    mask = key.mask if isinstance(raw, str) or not key.structured_mask else key.structured_mask
    return key.column, mask, value, name, raw, warning

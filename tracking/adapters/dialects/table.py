"""All dialects as one table, and what one attribute means by it.

The first dialect named, and within it the first key, wins a column: vendor-explicit before generic.
Adding a dialect is a file with ``KEYS`` and its place here.
"""

from tracking.adapters.dialects import assay, gen_ai, openinference, opentelemetry
from tracking.adapters.dialects.keys import Key

DIALECTS = (assay, gen_ai, openinference, opentelemetry)

KEYS: dict[str, Key] = {key.name: key for dialect in DIALECTS for key in dialect.KEYS}
RANKS: dict[str, int] = {name: rank for rank, name in enumerate(KEYS)}
KEYS_OF_COLUMN: dict[str, list[Key]] = {}
for _key in KEYS.values():
    KEYS_OF_COLUMN.setdefault(_key.column, []).append(_key)
LAST_RESORTS = frozenset(keys[-1].name for keys in KEYS_OF_COLUMN.values())
"""The last key of each column: where it disagrees with what fills the column, it has lost."""

Entry = tuple[str | None, int, object, str, object, str]
"""(column or None, mask of the bit if the column gives the value back, the column's value,
key, value as sent, warning code)"""


def read_attribute(name: str, raw: object) -> Entry:
    key = KEYS.get(name)
    if key is None:
        return None, 0, None, name, raw, ""
    value, exact, warning = key.codec.read(raw)
    if value is None:
        return None, 0, None, name, raw, warning
    if not exact:
        return key.column, 0, value, name, raw, warning
    mask = key.mask if isinstance(raw, str) or not key.structured_mask else key.structured_mask
    return key.column, mask, value, name, raw, warning

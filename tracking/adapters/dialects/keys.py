"""What a dialect's table is made of: one :class:`Key` an attribute key.

A key names the column (or payload slot) that its values fill, the codec between the two, and a bit
of ``event.seen``. The bit says "this key was sent and the column gives its very value back", so the
value is stored once. Bits are for ever: never change or reuse one, all 63 are given. A key
without a bit fills its column all the same, and its value stays in the attributes as well.
"""

import msgspec

from tracking.adapters.dialects.codecs import Codec

MAP_VERSION = 3
"""Of the tables and of what is settled from them, stored with each event that they mapped. Raise it
when a stored span would be read differently: ``manage.py remap`` then reads the older ones again.
"""

VERSIONS = 1_000
JSON_SPANS, FALLOM_SPANS = 1 * VERSIONS, 2 * VERSIONS
"""Added to the version that is stored with spans that came as JSON events, and as Fallom's flat
spans: each is read again as what it was. Spans of OTLP add nothing."""

JUDGED = 10 * VERSIONS
"""Added to the version that is stored with spans that carried evaluations: what was made of these
is taken back when a later version of the span says them no more."""

TABLE_WARNINGS = frozenset(
    {
        *("attribute_type", "attribute_range", "attribute_cut", "arm_conflict"),
        *("ttft_longer_than_span", "inconsistent_usage", "content_not_serialised"),
        "implausible_cost",
    }
)
"""What mapping finds, and finds again; other warnings of a stored span stay."""

TOLD_FIELDS = "fields"
"""Among the extras of a span that came as JSON: its own fields that columns give back, as bits
(analytics_told); of Fallom's by name."""

STATUS_MESSAGE_BIT = 1 << 61
"""Not an attribute: the span's status message is wholly in the column ``error``."""

INPUT_MESSAGES_BIT, OUTPUT_MESSAGES_BIT = 1 << 60, 1 << 62
"""Not one attribute but many: flattened messages that the columns give back (``flattened``)."""


class Key(msgspec.Struct, frozen=True):
    name: str
    column: str
    codec: Codec
    mask: int = 0
    structured_mask: int = 0  # of bodies sent as an attribute structure, not as JSON text


def key(
    name: str, column: str, codec: Codec, *, bit: int | None = None, structured: int | None = None
) -> Key:
    mask = 0 if bit is None else 1 << bit
    return Key(name, column, codec, mask, 0 if structured is None else 1 << structured)

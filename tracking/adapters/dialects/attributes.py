"""Attributes to columns and back: twins once, nothing lost. Pure.

``gather`` gives every column the value of its best key. A key whose value the column gives back is
only a bit of ``seen``; everything else stays in the attributes. ``rebuild_attributes`` inverts it.
"""

from collections.abc import Iterable
from operator import attrgetter

import msgspec

from tracking.adapters.dialects import arms as arm_choice
from tracking.adapters.dialects.gen_ai import OPERATION_KINDS
from tracking.adapters.dialects.sealing import seal, unseal
from tracking.adapters.dialects.table import (
    KEYS,
    KEYS_OF_COLUMN,
    LAST_RESORTS,
    RANKS,
    Entry,
    read_attribute,
)
from tracking.events import IncomingEvent, Kind, Payload

TTFT_TOO_LONG = "ttft_longer_than_span"
"""Time to the first token beyond the whole span: the attribute is kept, the column is not filled."""

_NO_PAIRS = (None,) * len(arm_choice.COLUMNS)
_MAX_MEMO = 4096
_chosen_arms: dict[tuple[object, ...], tuple[tuple[arm_choice.Arm, ...], int, bool]] = {}


class Gathered(msgspec.Struct, gc=False):
    columns: dict[str, object]
    leftover: dict[str, object]
    seen: int
    warnings: list[str]

    def withhold(self, column: str, mask: int) -> None:
        """Put values back under their own keys that ``column`` was to stand for."""
        for key in KEYS_OF_COLUMN[column]:
            if self.seen & mask & key.mask:
                self.leftover[key.name] = key.codec.write(self.columns[column])
        self.seen &= ~mask


def gather(entries: list[Entry], *, ordered: bool = False) -> Gathered:
    """Fill columns from attributes in any order.

    As long as twins agree, the order says nothing. Where a better key may have come after a worse
    one with another value, the entries are gone through again from the best key to the worst.
    """
    columns: dict[str, object] = {}
    leftover: dict[str, object] = {}
    warnings: list[str] = []
    seen = 0
    for column, mask, value, key, raw, warning in entries:
        if column is None:
            leftover[key] = raw
            if warning:
                warnings.append(warning)
        elif columns.setdefault(column, value) == value:
            if mask:
                seen |= mask
            else:
                leftover[key] = raw
                if warning:
                    warnings.append(warning)
        elif ordered or key in LAST_RESORTS:
            leftover[key] = raw
        else:
            return gather(sorted(entries, key=_rank), ordered=True)
    return Gathered(columns, leftover, seen, warnings)


def _rank(entry: Entry) -> int:
    return RANKS.get(entry[3], len(RANKS))


def gather_attributes(attributes: dict[str, object]) -> Gathered:
    """Fill columns from attributes of any origin, as plain values."""
    return gather([read_attribute(key, seal(raw)) for key, raw in attributes.items()])


def settle(gathered: Gathered, duration_us: int | None, further_arms: Iterable[arm_choice.Arm]) -> None:
    """Decide what takes several columns: arms, kind, the model that answered, a possible ttft."""
    columns = gathered.columns
    settle_arms(gathered, further_arms)
    if "kind" not in columns:
        kind = OPERATION_KINDS.get(columns.get("operation"))
        columns["kind"] = kind if kind is not None else _guess_kind(columns)
    requested = columns.get("model_requested")
    if requested is not None:
        columns.setdefault("model", requested)
    ttft_us = columns.get("ttft_us")
    if ttft_us is not None and duration_us is not None and ttft_us > duration_us:
        gathered.withhold("ttft_us", -1)
        del columns["ttft_us"]
        gathered.warnings.append(TTFT_TOO_LONG)

"""Sorting and paging by keyset: the position of the last row shown, never an offset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from core.paging import CursorError, read_cursor, sign_cursor
from tracking.filters import EventFilter, FilterError, to_query
from tracking.statements import Where

Position = tuple[Any, str]  # the sort value (time, number) and the id of the last row


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of rows. Ids run against the value, or along with it, as the index has it."""

    name: str
    value: str  # SQL
    id: str  # SQL
    is_time: bool  # there is an index in this order
    descending: bool = True
    is_id_along: bool = False

    @property
    def sql(self) -> str:
        value, row_id = ("DESC", "ASC") if self.descending else ("ASC", "DESC")
        return f"{self.value} {value}, {self.id} {value if self.is_id_along else row_id}"

    def seek(self, where: Where, position: Position | None) -> None:
        """Add the condition that begins after a position."""
        if position is None:
            return
        value, row_id = position
        on, back = ("<", ">") if self.descending else (">", "<")
        id_on = on if self.is_id_along else back
        where.add(f"{self.value} {on}= %s", value)
        where.add(f"{self.value} {on} %s OR {self.id} {id_on} %s", value, row_id)


def pick_sort(flt: EventFilter, sorts: Mapping[str, Sort], default: str) -> Sort:
    """Read ``flt.sort``: a field, descending with a leading "-"."""
    text = flt.sort or f"-{default}"
    found = sorts.get(text.removeprefix("-"))
    if found is None:
        raise FilterError("sort", f"One of {', '.join(sorts)}, descending with a leading '-'.")
    return replace(found, descending=text.startswith("-"))


def _list_name(kind: str, flt: EventFilter) -> str:
    # Without the times: a range such as "the last 24 hours" moves on while people page.
    return f"{kind}?{to_query(replace(flt, time_range=None))}"


def write_position(project_id: int, kind: str, flt: EventFilter, *, position: Position) -> str:
    value, row_id = position
    if isinstance(value, datetime):
        value = value.isoformat()
    name = _list_name(kind, flt)
    return sign_cursor([value, str(row_id)], project_id=project_id, filters=name)


def read_position(project_id: int, kind: str, flt: EventFilter, *, cursor: str) -> Position | None:
    """Return the position a cursor holds; CursorError when it is of another list."""
    if not cursor:
        return None
    found: Sequence[Any] = read_cursor(cursor, project_id=project_id, filters=_list_name(kind, flt))
    if len(found) != 2:
        raise CursorError("The cursor is not one of this list.")
    value, row_id = found
    return (datetime.fromisoformat(value) if isinstance(value, str) else value), row_id

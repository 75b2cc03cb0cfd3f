"""One page of a list: a bounded number of rows read in order, the matching ones kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from tracking.filters import EventFilter
from tracking.keyset import Position, Sort, read_position, write_position
from tracking.shapes import Page
from tracking.statements import Where, fetch_all

Row = TypeVar("Row")
ROWS_READ = 20_000
ROWS_LOOKED_INTO = 5_000  # when keeping a row costs a look into another table
READS = 2
GREATEST_NUMBER = 2**63 - 1


@dataclass(slots=True)
class Scan:
    """``inner`` decides which rows are read (an index answers it), ``outer`` which are kept."""

    columns: str
    table: str
    alias: str
    sort: Sort
    by_time: Sort
    inner: Where = field(default_factory=Where)
    outer: Where = field(default_factory=Where)
    limit: int = ROWS_READ
    floor: Position | None = None  # what lies beyond is not read, but is there

    def fetch(self, position: Position | None, n: int) -> list[tuple[Any, ...]]:
        """Fetch ``n`` rows after a position; the sort value and id come first."""
        read, kept = self.inner.copy(), self.outer.copy()
        self.sort.seek(read if self.sort.is_time else kept, position)
        sql = (
            f"SELECT {self.sort.value}, {self.sort.id}, {self.columns}"
            f" FROM ({self._reading(read, '*')} LIMIT %s) {self.alias}"
            f" WHERE {kept.sql} ORDER BY {self.sort.sql} LIMIT %s"
        )
        return fetch_all(sql, [*read.params, self.limit, *kept.params, n])

    def edge(self, position: Position | None) -> Position | None:
        """Where reading stopped because of the limit; None when it came to the end."""
        read = self.inner.copy()
        if self.sort.is_time:
            self.sort.seek(read, position)
        sql = f"{self._reading(read, f'{self._order.value}, {self._order.id}')} OFFSET %s LIMIT 1"
        found = fetch_all(sql, [*read.params, self.limit - 1])
        return (found[0][0], found[0][1]) if found else self.floor

    @property
    def _order(self) -> Sort:
        return self.sort if self.sort.is_time else self.by_time

    def _reading(self, read: Where, columns: str) -> str:
        source = f"{self.table} {self.alias}"
        return f"SELECT {columns} FROM {source} WHERE {read.sql} ORDER BY {self._order.sql}"


# The rows that ``build`` gets hold columns of many types: Any.
def read_page(
    project_id: int,
    flt: EventFilter,
    *,
    scan: Scan,
    cursor: str,
    page_size: int,
    build: Callable[[Sequence[tuple[Any, ...]]], list[Row]],
) -> Page[Row]:
    following = read_position(project_id, scan.table, flt, cursor=cursor)
    # An empty page is of no use to anyone: read on a little before giving one.
    for _attempt in range(READS):
        rows, following = _read_once(scan, following, page_size)
        if rows or following is None:
            break
    return Page(
        rows=build([row[2:] for row in rows]),
        next_cursor=following and write_position(project_id, scan.table, flt, position=following),
        is_partial=not scan.sort.is_time and scan.edge(None) is not None,
    )


def _read_once(
    scan: Scan, position: Position | None, page_size: int
) -> tuple[list[tuple[Any, ...]], Position | None]:
    rows = scan.fetch(position, page_size + 1)
    if len(rows) > page_size:
        rows = rows[:page_size]
        return rows, (rows[-1][0], rows[-1][1])
    return rows, scan.edge(position) if scan.sort.is_time else None


def add_times(where: Where, flt: EventFilter, column: str) -> None:
    if flt.time_range is None:
        where.add(f"{column} IS NOT NULL")
        return
    where.add(f"{column} >= %s AND {column} < %s", flt.time_range.start, flt.time_range.end)


def add_ranges(
    where: Where, flt: EventFilter, *, cost: str, duration: str, tokens: str, unpriced: str = ""
) -> None:
    """Add the filter's ranges on columns of nano-dollars, microseconds and tokens.

    ``unpriced``: the column of calls whose cost is unknown. What they belong to cost no less than
    is known, and nobody can tell that it cost no more.
    """
    if unpriced and flt.cost_lte is not None:
        where.add(f"{unpriced} <= 0")
    factors = {"cost": (cost, 10**9), "duration": (duration, 10**3), "tokens": (tokens, 1)}
    for name, (column, factor) in factors.items():
        for end, sign in (("gte", ">="), ("lte", "<=")):
            bound = getattr(flt, f"{name}_{end}")
            if bound is not None:
                where.add(f"{column} {sign} %s", round(min(bound * factor, GREATEST_NUMBER)))

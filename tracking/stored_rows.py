"""Aggregate rows as plain values, read back or about to be written, so that both compare equal."""

import datetime
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg

from tracking.sessions import ARMS, METRICS, SESSION_COLUMNS
from tracking.staging import pg_time, read_json, unix_us
from tracking.traces import PARTS, TRACE_COLUMNS

Rows = dict[tuple[Any, ...], tuple[Any, ...]]
"""Values by key; Any: whatever the columns hold."""


@dataclass(frozen=True, slots=True)
class Table:
    """An aggregate table: its key columns, and all its columns with their types, in wire order."""

    name: str
    key: tuple[str, ...]
    columns: dict[str, str]

    def key_of(self, row: Sequence[Any]) -> tuple[Any, ...]:
        return tuple(row[list(self.columns).index(name)] for name in self.key)

    def read(
        self, cursor: psycopg.Cursor[Any], project_id: int, where: str = "", *values: object
    ) -> Rows:
        """The stored rows of a project; ``where`` starts with AND."""
        query = f"SELECT {', '.join(self.columns)} FROM {self.name} WHERE project_id = %s {where}"
        cursor.execute(query, (project_id, *values))
        kinds = list(self.columns.values())
        return self._by_key(tuple(map(_stored, row, kinds)) for row in cursor)

    def wire_rows(self, rows: Iterable[Sequence[Any]]) -> Rows:
        """Rows as the writers send them."""
        kinds = list(self.columns.values())
        return self._by_key(tuple(map(_sent, row, kinds)) for row in rows)

    def _by_key(self, rows: Iterable[tuple[Any, ...]]) -> Rows:
        return {self.key_of(row): row for row in rows}


TRACE = Table("tracking_trace", ("trace_id",), TRACE_COLUMNS)
PART = Table("tracking_tracepart", ("trace_id", "session_own"), PARTS.columns)
SESSION = Table("tracking_session", ("session_id",), SESSION_COLUMNS)
METRIC = Table("tracking_sessionmetric", ("session_id", "name"), METRICS.columns)
ARM = Table(
    "tracking_armseen",
    ("experiment", "unit_kind", "unit_id", "variant", "session_id"),
    ARMS.columns,
)


def is_same(a: object, b: object) -> bool:
    """Equal, where sums of floats may differ in their last digits: they depend on the order. One
    beyond 2^53 comes back from jsonb as a whole number, without its exponent."""
    if isinstance(a, int | float) and isinstance(b, int | float) and float in (type(a), type(b)):
        return math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(is_same, a, b))
    return a == b


def _stored(value: Any, kind: str) -> object:
    if kind == "jsonb":
        return read_json(value)
    if isinstance(value, datetime.datetime):
        return pg_time(unix_us(value))
    return bytes(value) if isinstance(value, memoryview) else value


def _sent(value: Any, kind: str) -> object:
    return json.loads(value[1:]) if kind == "jsonb" and value is not None else value

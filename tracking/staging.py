"""Rows sent to PostgreSQL by binary COPY into temporary tables, where one statement merges them.

Values travel in PostgreSQL's own binary forms wherever building them in Python is cheap: a
timestamptz is the whole microseconds since 2000, a uuid its 16 bytes, jsonb its text after a
version byte, an array its header and elements.
"""

import datetime
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import msgspec
import psycopg
from django.db import connection, transaction
from psycopg.types.string import BytesBinaryDumper

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
MICROSECOND = datetime.timedelta(microseconds=1)
PG_EPOCH_US = 946_684_800_000_000
TEXT_OID, INT8_OID = 25, 20
# How a column's value is handed over, where that is not the column's own type.
WIRE = {
    "timestamptz": "int8",
    "uuid": "bytea",
    "jsonb": "bytea",
    "text[]": "bytea",
    "int8[]": "bytea",
}

Row = Sequence[Any]  # Any: one value a column, of the column's type

_made: WeakKeyDictionary[psycopg.Connection[Any], set[str]] = WeakKeyDictionary()
_lasting: WeakKeyDictionary[psycopg.Connection[Any], set[str]] = WeakKeyDictionary()
_filled: WeakKeyDictionary[psycopg.Connection[Any], set[str]] = WeakKeyDictionary()
_stages: list["Stage"] = []
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


@dataclass(frozen=True)
class Stage:
    """A temporary table, emptied at each commit. ``columns`` maps names to types, in COPY order.

    PostgreSQL empties all temporary tables of a connection at each commit, used or not, and what
    takes long (0.2 ms of CPU) is the room beside a table for values that its rows are too short
    for. So ``is_short`` tables, whose rows always fit a page, have none, and ``is_rare`` ones are
    made on the connections that need them.
    """

    name: str
    columns: dict[str, str]
    is_short: bool = False
    is_rare: bool = False

    def __post_init__(self) -> None:
        _stages.append(self)

    @property
    def names(self) -> str:
        return ", ".join(self.columns)

    def create_sql(self, *, server_version: int) -> str:
        body = ", ".join(
            f"{name} {kind}{self._storage(kind, server_version)}{COLLATE if kind == 'text' else ''}"
            for name, kind in self.columns.items()
        )
        return f"CREATE TEMP TABLE IF NOT EXISTS {self.name} ({body}) ON COMMIT DELETE ROWS"

    def _storage(self, kind: str, server_version: int) -> str:
        is_said = self.is_short and kind in VARYING and server_version >= SAYS_STORAGE
        return " STORAGE PLAIN" if is_said else ""

    def fill(self, cursor: psycopg.Cursor[Any], rows: Iterable[Row]) -> None:
        copy_into(cursor, self.name, self.columns, rows)
        if cursor.connection not in _filled:
            _filled[cursor.connection] = set()
            transaction.on_commit(lambda: _filled.pop(cursor.connection, None))
        _filled[cursor.connection].add(self.name)


COLLATE = ' COLLATE "C"'
VARYING = {"text", "bytea"}
SAYS_STORAGE = 160_000  # PostgreSQL 15 has no word for it in CREATE TABLE, and is only slower


def copy_into(
    cursor: psycopg.Cursor[Any], table: str, columns: dict[str, str], rows: Iterable[Row]
) -> None:
    """Send rows to a table by binary COPY."""
    types = [WIRE.get(kind, kind) for kind in columns.values()]
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY)"
    with cursor.copy(statement) as copy:
        copy.set_types(types)
        write = copy.write_row
        for row in rows:
            write(row)


def open_cursor() -> psycopg.Cursor[Any]:
    """A cursor of psycopg's own: Django's binds on the client and would send bodies as hex text."""
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    return psycopg.Cursor(raw)


def prepare_stages(*rare: Stage, usual: bool = True) -> None:
    """Make the temporary tables that this connection lacks: the usual ones and those named."""
    connection.ensure_connection()
    raw: psycopg.Connection[Any] = connection.connection
    wanted = [*rare, *(stage for stage in _stages if usual and not stage.is_rare)]
    lasting = _lasting.setdefault(raw, set())
    missing = [stage for stage in wanted if stage.name not in lasting]
    if not missing:
        return
    # The last dumper of bytea wins, and psycopg's own last one is Python: put the C one back.
    raw.adapters.register_dumper(bytes, BytesBinaryDumper)
    with psycopg.Cursor(raw) as cursor:
        for stage in missing:
            cursor.execute(stage.create_sql(server_version=raw.info.server_version))
    names = {stage.name for stage in missing}
    _made.setdefault(raw, set()).update(names)
    if not connection.in_atomic_block:  # else a roll-back may take them away again
        lasting.update(names)


def forget() -> None:
    """Drop this process's knowledge of temporary tables (a test's roll-back takes them away)."""
    _made.clear()
    _lasting.clear()
    _filled.clear()


def clear_stages(cursor: psycopg.Cursor[Any]) -> None:
    """Empty the stages for a second round in the same transaction."""
    filled = _filled.pop(cursor.connection, None)
    if filled:
        cursor.execute(f"TRUNCATE {', '.join(sorted(filled))}")


def note_rollback(cursor: psycopg.Cursor[Any]) -> None:
    """Say that the transaction went back to a savepoint: what was truncated since is there again,
    so the next clearing is of all stages."""
    _filled[cursor.connection] = set(_made.get(cursor.connection, ()))


def pg_time(us: int | None) -> int | None:
    return None if us is None else us - PG_EPOCH_US


def unix_us(moment: datetime.datetime | None) -> int | None:
    """Whole microseconds since 1970 of an aware datetime; exact, as float seconds are not."""
    return None if moment is None else (moment - EPOCH) // MICROSECOND


def datetime_of(us: int) -> datetime.datetime:
    return EPOCH + us * MICROSECOND


def pg_json(value: object) -> bytes:
    return b"\x01" + _encode(value)


def read_json(text: str | None) -> Any:
    """A jsonb value: Django tells its connections to leave the decoding to its fields."""
    return None if text is None else _decode(text)


def pg_texts(values: Sequence[str]) -> bytes:
    """The binary form of a text[]."""
    encoded = [value.encode() for value in values]
    head = (
        struct.pack(">iiiii", 1, 0, TEXT_OID, len(encoded), 1)
        if encoded
        else struct.pack(">iii", 0, 0, TEXT_OID)
    )
    return head + b"".join(struct.pack(">i", len(item)) + item for item in encoded)


def pg_int8s(values: Sequence[int]) -> bytes:
    """The binary form of an int8[]."""
    if not values:
        return struct.pack(">iii", 0, 0, INT8_OID)
    flat = [part for value in values for part in (8, value)]
    return struct.pack(f">iiiii{'iq' * len(values)}", 1, 0, INT8_OID, len(values), 1, *flat)

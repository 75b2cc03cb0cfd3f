"""Reading by SQL: conditions gathered with their parameters, rows fetched.

The texts are constants of this code; whatever a client sent goes in as a parameter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection


@dataclass(slots=True)
class Where:
    """Conditions joined by AND, with their parameters in the same order."""

    texts: list[str] = field(default_factory=list)
    params: list[Any] = field(default_factory=list)

    def add(self, text: str, *params: object) -> None:
        self.texts.append(text)
        self.params += params

    def add_if(self, value: object, text: str) -> None:
        """Add a condition on one value unless the value is empty."""
        if value not in ("", None):
            self.add(text, value)

    @property
    def sql(self) -> str:
        return " AND ".join(f"({text})" for text in self.texts) or "true"

    def copy(self) -> "Where":
        return Where([*self.texts], [*self.params])

    def add_all(self, other: "Where") -> None:
        self.texts += other.texts
        self.params += other.params


# Parameters and columns are of many types: Any.
Params = Sequence[Any] | Mapping[str, Any]


def fetch_all(sql: str, params: Params) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def fetch_one(sql: str, params: Params) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row: tuple[Any, ...] | None = cursor.fetchone()
        return row

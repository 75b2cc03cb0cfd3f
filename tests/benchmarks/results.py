"""Rows of the table: what was measured, what is wanted, whether it is so."""

import operator
from collections.abc import Sequence
from dataclasses import dataclass

COMPARE = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
HEADINGS = ("", "benchmark", "what", "value", "goal")


@dataclass(frozen=True, slots=True)
class Goal:
    compare: str
    limit: float

    def is_met(self, value: float) -> bool:
        return bool(COMPARE[self.compare](value, self.limit))


@dataclass(frozen=True, slots=True)
class Row:
    benchmark: str
    what: str
    value: float
    unit: str = ""
    goal: Goal | None = None  # None: said for information

    @property
    def is_met(self) -> bool | None:
        return None if self.goal is None else self.goal.is_met(self.value)

    @property
    def mark(self) -> str:
        return {None: " ", True: "✓", False: "✗"}[self.is_met]

    def cells(self) -> tuple[str, ...]:
        goal = f"{self.goal.compare} {shown(self.goal.limit)}" if self.goal else ""
        value = f"{shown(self.value)} {self.unit}".strip()
        return self.mark, self.benchmark, self.what, value, goal

    def as_json(self) -> dict[str, object]:
        goal = f"{self.goal.compare} {self.goal.limit:g}" if self.goal else None
        return {
            "benchmark": self.benchmark,
            "what": self.what,
            "value": self.value,
            "unit": self.unit,
            "goal": goal,
            "met": self.is_met,
        }


def at_least(limit: float) -> Goal:
    return Goal(">=", limit)


def at_most(limit: float) -> Goal:
    return Goal("<=", limit)


def below(limit: float) -> Goal:
    return Goal("<", limit)


def shown(value: float) -> str:
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.2f}"


def table(rows: Sequence[Row]) -> str:
    lines = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column == 3 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def verdict(rows: Sequence[Row]) -> str:
    failed = [f"{row.benchmark}: {row.what}" for row in rows if row.is_met is False]
    n_goals = sum(row.goal is not None for row in rows)
    if failed:
        return f"{len(failed)} of {n_goals} goals missed: {'; '.join(failed)}."
    return f"All {n_goals} goals met."

"""Names that strangers choose, bounded: a rollup keeps the first ones and counts the rest as other.

The decision about a name is stored once and never changes, so that re-sent and late events count
where the first ones did.
"""

from collections.abc import Iterable
from typing import Any

import psycopg
from django.db import transaction

from tracking.folding import Fact
from tracking.rollups import OTHER, Fold

LIMITS = {
    "model": 500,
    "provider": 100,
    "prompt": 2_000,
    "environment": 50,
    "client": 100,
    "warning": 100,
}
CACHE_SIZE = 100_000

# For all kinds at once: each statement is a transaction of its own, which counts where projects are
# many and small. Of a kind the first names are kept, and those of one statement in their order.
READ = (
    "SELECT kind, name, folded FROM tracking_dimensionname"
    " JOIN unnest(%s::text[], %s::text[]) w (kind, name) USING (kind, name) WHERE project_id = %s"
)
DECIDE = (
    "INSERT INTO tracking_dimensionname (project_id, kind, name, folded)"
    " SELECT %(project)s, w.kind, w.name, coalesce(k.n, 0) + w.i > w.most"
    " FROM unnest(%(kinds)s::text[], %(names)s::text[], %(places)s::int[], %(limits)s::int[])"
    " w (kind, name, i, most) LEFT JOIN (SELECT kind, count(*) AS n FROM tracking_dimensionname"
    " WHERE project_id = %(project)s AND NOT folded GROUP BY kind) k USING (kind)"
    " ORDER BY w.kind, w.name ON CONFLICT DO NOTHING RETURNING kind, name, folded"
)

Name = tuple[str, str]
"""(kind, name)."""

_decided: dict[tuple[int, str, str], bool] = {}


def decide_names(cursor: psycopg.Cursor[Any], project_id: int, names: dict[str, set[str]]) -> Fold:
    """Decide about the names by kind, and return what tells the name to count one under."""
    wanted = sorted((kind, name) for kind, known in names.items() for name in known)
    # A copy: the memory of the process may be emptied between two of these names.
    folded = {n: _decided[project_id, *n] for n in wanted if (project_id, *n) in _decided}
    if unknown := [name for name in wanted if name not in folded]:
        folded |= _decide(cursor, project_id, unknown)

    def fold_name(kind: str, name: str) -> str:
        return OTHER if folded.get((kind, name), True) else name

    return fold_name


def names_of(facts: Iterable[Fact]) -> dict[str, set[str]]:
    """The names of rollup keys among the facts, by kind."""
    names: dict[str, set[str]] = {kind: set() for kind in LIMITS}
    for fact in facts:
        event = fact.event
        if event.model:
            names["model"].add(event.model)
        if event.provider:
            names["provider"].add(event.provider)
        if event.prompt_key:
            names["prompt"].add(f"{event.prompt_key}@{event.prompt_version}")
        if event.environment:
            names["environment"].add(event.environment)
    return names


def _decide(cursor: psycopg.Cursor[Any], project_id: int, names: list[Name]) -> dict[Name, bool]:
    if len(_decided) > CACHE_SIZE:
        _decided.clear()
    decisions = _read(cursor, project_id, names)
    if fresh := [name for name in names if name not in decisions]:
        kinds, texts = zip(*fresh, strict=True)
        values = {
            "project": project_id,
            "kinds": list(kinds),
            "names": list(texts),
            "places": [1 + i - kinds.index(kind) for i, kind in enumerate(kinds)],
            "limits": [LIMITS[kind] for kind in kinds],
        }
        decisions |= {
            (kind, name): is_other for kind, name, is_other in cursor.execute(DECIDE, values)
        }
        if others := [name for name in fresh if name not in decisions]:  # decided meanwhile
            decisions |= _read(cursor, project_id, others)
    # A decision that is rolled back was none.
    transaction.on_commit(
        lambda: _decided.update({(project_id, *n): folded for n, folded in decisions.items()})
    )
    return decisions


def _read(cursor: psycopg.Cursor[Any], project_id: int, names: list[Name]) -> dict[Name, bool]:
    kinds, texts = zip(*names, strict=True)
    rows = cursor.execute(READ, (list(kinds), list(texts), project_id))
    return {(kind, name): is_other for kind, name, is_other in rows}


def forget() -> None:
    """Drop this process's knowledge of names (tests make new databases)."""
    _decided.clear()

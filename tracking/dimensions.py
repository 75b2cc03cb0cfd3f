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

LIMITS = {"model": 500, "provider": 100, "prompt": 2_000, "environment": 50, "client": 100}
CACHE_SIZE = 100_000

DECIDE = (
    "INSERT INTO tracking_dimensionname (project_id, kind, name, folded)"
    " SELECT %(project)s, %(kind)s, n, (SELECT count(*) FROM tracking_dimensionname"
    " WHERE project_id = %(project)s AND kind = %(kind)s AND NOT folded) + i > %(limit)s"
    " FROM unnest(%(names)s::text[]) WITH ORDINALITY AS t (n, i) ON CONFLICT DO NOTHING"
)
READ = (
    "SELECT name, folded FROM tracking_dimensionname"
    " WHERE project_id = %s AND kind = %s AND name = ANY (%s)"
)

_decided: dict[tuple[int, str, str], bool] = {}


def decide_names(cursor: psycopg.Cursor[Any], project_id: int, names: dict[str, set[str]]) -> Fold:
    """Decide about the names by kind, and return what tells the name to count one under."""
    # A copy: the memory of the process may be emptied between two of these names.
    folded: dict[tuple[str, str], bool] = {}
    for kind, wanted in names.items():
        known = {
            n: _decided[project_id, kind, n] for n in wanted if (project_id, kind, n) in _decided
        }
        unknown = sorted(wanted - known.keys())
        if unknown:
            known |= _decide(cursor, project_id, kind, unknown)
        folded |= {(kind, name): decision for name, decision in known.items()}

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


def _decide(
    cursor: psycopg.Cursor[Any], project_id: int, kind: str, names: list[str]
) -> dict[str, bool]:
    if len(_decided) > CACHE_SIZE:
        _decided.clear()
    cursor.execute(
        DECIDE, {"project": project_id, "kind": kind, "limit": LIMITS[kind], "names": names}
    )
    decisions = dict(cursor.execute(READ, (project_id, kind, names)).fetchall())
    # A decision that is rolled back was none.
    transaction.on_commit(
        lambda: _decided.update({(project_id, kind, n): folded for n, folded in decisions.items()})
    )
    return decisions


def forget() -> None:
    """Drop this process's knowledge of names (tests make new databases)."""
    _decided.clear()

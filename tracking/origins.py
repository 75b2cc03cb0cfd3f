"""Resource and scope of spans: stored once a project, referred to by hash."""

from typing import Any

import psycopg

CACHE_SIZE = 50_000
SAVE = (
    "INSERT INTO tracking_origin (project_id, hash, body)"
    " SELECT %s, * FROM unnest(%s::bigint[], %s::bytea[]) o (hash, body) ORDER BY hash"
    " ON CONFLICT DO NOTHING"
)
_saved: set[tuple[int, int]] = set()


def save_origins(cursor: psycopg.Cursor[Any], project_id: int, origins: dict[int, bytes]) -> None:
    """Store origins new to this process, before their events: a spare one is harmless."""
    new = {hash: body for hash, body in origins.items() if (project_id, hash) not in _saved}
    if not new:
        return
    cursor.execute(SAVE, (project_id, list(new), list(new.values())))
    if len(_saved) > CACHE_SIZE:
        _saved.clear()
    _saved.update((project_id, hash) for hash in new)


def forget() -> None:
    """Drop this process's knowledge of origins (tests make new databases)."""
    _saved.clear()

"""How many users the sessions begun in a range have: counted, or told from the cells of its hours.

Counting looks at every session, so that many are estimated instead (tracking.distinct). The
registers of past buckets are kept by this process as sums of sketches are: each bucket's rows are
fingerprinted by their versions, and only those with a new fingerprint are read.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from core.timebuckets import MONDAY, TimeRange
from tracking.distinct import RANK_BITS, Registers, estimate, registers_of, union
from tracking.hourly import HOURS, ROW_VERSIONS, Family
from tracking.sketch_sums import pick_step
from tracking.statements import fetch_all, fetch_one

MOST_COUNTED = 20_000
"""Traces of a range: of more, users are estimated."""

MAX_KEPT = 4_096  # a kilobyte each

EXACTLY = (
    "SELECT count(*) FROM (SELECT DISTINCT user_id FROM tracking_session"
    " WHERE project_id = %s AND first_at >= %s AND first_at < %s AND user_id <> '') users"
)
FINGERPRINTS = (
    f"SELECT date_bin(%s, hour, %s), {ROW_VERSIONS}"
    f" {HOURS} AND kind = 0 AND users IS NOT NULL GROUP BY 1"
)
# Slots are added up first: one may hold what another took back.
CELLS = (
    "SELECT at, cell >> %s << %s | max(cell & %s) FROM ("
    "SELECT hour, date_bin(%s, hour, %s) AS at, entry >> 32 AS cell"
    " FROM (SELECT hour, users "
    f"{HOURS} AND kind = 0 AND users IS NOT NULL) rolled, unnest(users) AS entry"
    " WHERE date_bin(%s, hour, %s) = ANY (%s)"
    " GROUP BY 1, 2, 3 HAVING sum((entry << 32) >> 32) > 0) held GROUP BY at, cell >> %s"
)
_kept: dict[tuple[Any, ...], Registers] = {}  # a project, a bucket and a fingerprint: any hashables


def count_users(project_id: int, time_range: TimeRange, *, n_traces: int) -> tuple[int, bool]:
    """The number of users, and whether it is an estimate. ``n_traces``: those of the range."""
    scope = [project_id, time_range.start, time_range.end]
    if n_traces <= MOST_COUNTED:
        row = fetch_one(EXACTLY, scope)
        return (int(row[0]) if row else 0), False
    return estimate(union(_registers_of_buckets(time_range, [*scope, Family.ALL]))), True


def _registers_of_buckets(time_range: TimeRange, scope: Sequence[object]) -> list[Registers]:
    bins = [pick_step(time_range).step, MONDAY]
    prints = [(scope[0], bins[0], *row) for row in fetch_all(FINGERPRINTS, [*bins, *scope])]
    found = {key: _kept.get(key) for key in prints}
    missing = {key[2]: key for key, held in found.items() if held is None}
    if missing:
        cells: dict[datetime, list[int]] = {at: [] for at in missing}
        masks = [RANK_BITS, RANK_BITS, (1 << RANK_BITS) - 1]
        params = [*masks, *bins, *scope, *bins, sorted(missing), RANK_BITS]
        for at, cell in fetch_all(CELLS, params):
            cells[at].append(cell)
        if len(_kept) + len(missing) > MAX_KEPT:
            _kept.clear()
        for at, key in missing.items():
            found[key] = _kept[key] = registers_of(cells[at])
    return [held for held in found.values() if held]

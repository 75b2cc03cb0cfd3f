"""Everything a project's tables say, without what may differ: which block, which slot, when."""

from typing import Any

from django.db import connection

TABLES = {
    "tracking_event": {"project_id", "received_at", "block_id", "block_ix"},
    "tracking_trace": {"project_id"},
    "tracking_tracepart": {"project_id"},
    "tracking_session": {"project_id"},
    "tracking_sessionmetric": {"project_id"},
    "tracking_armseen": {"project_id"},
}
ROLLUPS = (
    "SELECT hour, family, kind, key_a, key_b, sum(n), sum(n_spans), sum(n_errors), sum(n_traces),"
    " sum(n_sessions), sum(duration_us), sum(tokens_in), sum(tokens_out), sum(cost_nano),"
    " assay_sketch_sum(latency) FROM tracking_usagerollup WHERE project_id = %s"
    " GROUP BY 1, 2, 3, 4, 5 HAVING sum(n) <> 0 OR sum(n_traces) <> 0 OR sum(n_sessions) <> 0"
    " ORDER BY 1, 2, 3, 4, 5"
)


def business_state(project_id: int) -> dict[str, list[tuple[Any, ...]]]:
    state = {}
    with connection.cursor() as cursor:
        for table, ignored in TABLES.items():
            cursor.execute(
                "SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table]
            )
            names = sorted({name for (name,) in cursor} - ignored)
            columns = ", ".join(names)
            cursor.execute(
                f"SELECT {columns} FROM {table} WHERE project_id = %s ORDER BY {columns}",
                [project_id],
            )
            state[table] = [tuple(map(_plain, row)) for row in cursor]
        cursor.execute(ROLLUPS, [project_id])
        state["tracking_usagerollup"] = cursor.fetchall()
    return state


def _plain(value: Any) -> Any:
    """Floats to nine digits: sums of them depend on the order in their last ones."""
    if isinstance(value, float):
        return float(f"{value:.9g}")
    return bytes(value) if isinstance(value, memoryview) else value

"""Everything the tables say of projects, without what may differ: which block, which slot, when."""

from django.db import connection

TABLES = {
    "tracking_event": {"project_id", "received_at", "block_id", "block_ix"},
    "tracking_trace": {"project_id"},
    "tracking_tracepart": {"project_id", "metrics"},
    "tracking_session": {"project_id"},
    "tracking_sessionmetric": {"project_id"},
    "tracking_armseen": {"project_id"},
}
COLUMNS = (
    "SELECT column_name, data_type FROM information_schema.columns"
    " WHERE table_schema = 'public' AND table_name = %s ORDER BY column_name"
)
# Floats to nine digits: sums of them depend on the order in their last ones.
PLAIN = {"double precision": "to_char({}, '9.99999999EEEE')"}
PARTS_METRICS = (
    "SELECT project_id, ROW(trace_id, session_own, m ->> 0, m ->> 1,"
    " to_char((m ->> 2)::float8, '9.99999999EEEE'), m ->> 4, m ->> 5, m ->> 6, m ->> 7)::text"
    " FROM tracking_tracepart, jsonb_array_elements(metrics) m"
)
ROLLUPS = (
    "SELECT project_id, ROW(hour, family, kind, key_a, key_b, sum(n), sum(n_spans), sum(n_errors),"
    " sum(n_traces), sum(n_sessions), sum(duration_us), sum(tokens_in), sum(tokens_out),"
    " sum(cost_nano), coalesce(assay_sketch_sum(latency), '{}'))::text"
    " FROM tracking_usagerollup GROUP BY project_id, hour, family, kind, key_a, key_b"
    " HAVING sum(n) <> 0 OR sum(n_traces) <> 0 OR sum(n_sessions) <> 0"
)


def states_of_projects() -> dict[int, dict[str, str]]:
    """A hash of each project's rows by table."""
    queries = {table: _rows_of(table, ignored) for table, ignored in TABLES.items()}
    queries |= {"metrics of parts": PARTS_METRICS, "tracking_usagerollup": ROLLUPS}
    states: dict[int, dict[str, str]] = {}
    with connection.cursor() as cursor:
        for name, query in queries.items():
            cursor.execute(
                "SELECT project_id, md5(string_agg(line, E'\\n' ORDER BY line COLLATE \"C\"))"
                f" FROM ({query}) AS rows (project_id, line) GROUP BY project_id"
            )
            for project_id, digest in cursor:
                states.setdefault(project_id, {})[name] = digest
    return states


def _rows_of(table: str, ignored: set[str]) -> str:
    with connection.cursor() as cursor:
        cursor.execute(COLUMNS, [table])
        columns = [PLAIN.get(kind, "{}").format(n) for n, kind in cursor if n not in ignored]
    return f"SELECT project_id, ROW({', '.join(columns)})::text FROM {table}"

"""Millions of stored spans within minutes: copies of digested rows, made by PostgreSQL itself.

Every row of a project's first load is inserted again under other ids: events, payload blocks,
traces, their parts, sessions and all that belongs to one, through all indexes and the write-ahead
log, at the same times, so that they fill the very partitions that the next load goes to. Ids are
random, so their copies' places are spread over the whole of each index. Hourly sums have the rows
they had; they are not added to, so an installation filled like this is not one to verify.
"""

from concurrent.futures import ThreadPoolExecutor

from tests.benchmarks.installation import SLUG, Installation

WRITERS = 2
SPREAD = 40_503  # odd: its multiples modulo 65,536 are all different, and far apart
BLOCKS_APART = 1 << 35  # block ids begin with their time: those of a copy are some seconds older


def moved(column: str, *, at: int = 1) -> str:
    """The text with the four hexadecimal digits from ``at`` on counted up: never the same."""
    digits = f"('x' || substr({column}, {at}, 4))::bit(16)::int + %(shift)s"
    start = f"substr({column}, 1, {at - 1}) || " if at > 1 else ""
    return f"{start}lpad(to_hex(({digits}) & 65535), 4, '0') || substr({column}, {at + 4})"


def session(column: str) -> str:
    """A session of the corpus is sess- and sixteen digits."""
    return f"CASE WHEN {column} LIKE 'sess-%%' THEN {moved(column, at=6)} ELSE {column} END"


CHANGED = {
    "tracking_event": {
        "id": f"({moved('id::text')})::uuid",
        "trace_id": moved("trace_id"),
        "session_own": session("session_own"),
        "block_id": "CASE block_id WHEN 0 THEN 0 ELSE block_id - %(blocks)s END",
    },
    "tracking_payload": {"block_id": "block_id - %(blocks)s"},
    "tracking_trace": {
        "trace_id": moved("trace_id"),
        "claim_session": session("claim_session"),
    },
    "tracking_tracepart": {
        "trace_id": moved("trace_id"),
        "session_own": session("session_own"),
        "session_id": session("session_id"),
    },
    "tracking_session": {"session_id": session("session_id")},
    "tracking_sessiontext": {"session_id": session("session_id")},
    "tracking_sessionmetric": {"session_id": session("session_id")},
    "tracking_armseen": {"session_id": session("session_id"), "unit_id": session("unit_id")},
}
OWN_PROJECT = f"SELECT id FROM core_project WHERE slug = '{SLUG}'"
COLUMNS = (
    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
    " AND NOT attisdropped AND attgenerated = '' ORDER BY attnum"
)


class Filler:
    """Keeps what a project holds when it is made, and adds copies of it."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.n_copies = 0
        self.statements = []
        with installation.database() as database:
            for table, changed in CHANGED.items():
                database.execute(
                    f"CREATE UNLOGGED TABLE fill_{table} AS SELECT * FROM {table}"
                    f" WHERE project_id = ({OWN_PROJECT})"
                )
                database.execute(f"ANALYZE fill_{table}")
                names = [name for (name,) in database.execute(COLUMNS, [table]).fetchall()]
                values = ", ".join(changed.get(name, name) for name in names)
                self.statements.append(
                    f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM fill_{table}"
                )

    def add(self, n_copies: int) -> None:
        """Add so many copies, then do at once what autovacuum would do beside the next load."""
        numbers = range(self.n_copies + 1, self.n_copies + n_copies + 1)
        self.n_copies += n_copies
        with ThreadPoolExecutor(WRITERS) as pool:
            list(pool.map(self._copy, numbers))
        with self.installation.database() as database:
            for table in CHANGED:
                database.execute(f"VACUUM (ANALYZE) {table}")
            database.execute("CHECKPOINT")

    def _copy(self, number: int) -> None:
        values = {"shift": number * SPREAD % 65_536, "blocks": number * BLOCKS_APART}
        with self.installation.database() as database, database.transaction():
            for statement in self.statements:
                database.execute(statement, values)

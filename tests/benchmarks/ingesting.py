"""How fast spans are accepted and can be read, what one costs in CPU and in bytes, and whether all
of that stays so as the database grows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.corpus import Frame
from tests.benchmarks.installation import ServeError
from tests.benchmarks.load import Ledger, percentile, post_frames
from tests.benchmarks.metering import Meter, Usage, inflate_cost
from tests.benchmarks.results import Row, at_least, at_most, below
from tests.benchmarks.run import Run

WARM_UP_SPANS, WARM_UP_SEED = 2_000, 900
SEED, GROWTH_SEED = 1, 100
LARGE, CHUNK = 1_000_000, 100_000
MIB = 1024 * 1024
# Queues are empty when all is digested and told; the room they had is used again, so it is no
# span's.
_QUEUE = "c.relname IN ('tracking_inboxbatch', 'tracking_sessiontorefresh', 'tracking_sessionnews')"
SIZES = (
    f"SELECT coalesce(sum(pg_total_relation_size(c.oid)) FILTER (WHERE NOT {_QUEUE}), 0)::bigint,"
    f" coalesce(sum(pg_total_relation_size(c.oid)) FILTER (WHERE {_QUEUE}), 0)::bigint"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'm')"
)


@dataclass(frozen=True, slots=True)
class Sent:
    """One load: from its first request to its last span being visible."""

    n_spans: int
    ledger: Ledger
    visible_s: float
    usage: Usage

    @property
    def queryable_a_second(self) -> float:
        return self.n_spans / self.visible_s

    @property
    def cpu_us_a_span(self) -> float:
        return self.usage.cpu_s / self.n_spans * 1e6


def send(run: Run, frames: Sequence[Frame]) -> Sent:
    """Post frames and wait until they are digested; the ledger of the server must agree."""
    installation, n_spans = run.installation, sum(frame.n_spans for frame in frames)
    before = installation.wait_drained()
    with Meter(installation.pid) as meter:
        ledger = post_frames(installation.connect, frames)
        total = before["digested_events"] + ledger.accepted
        done = installation.wait_digested(total)
        # What a load costs is all of it: the texts of its sessions, which let the spans go first.
        installation.wait_texts()
    usage = meter.usage
    check_ledger(
        ledger, n_spans, installation.wait_drained()["stored_events"] - before["stored_events"]
    )
    run.notes.setdefault("loads", []).append(
        {"spans": n_spans, "seconds": done - meter.began, "cpu_s": usage.cpu_by_part}
    )
    return Sent(n_spans, ledger, done - meter.began, usage)


def check_ledger(ledger: Ledger, n_spans: int, stored: int) -> None:
    if not ledger.accepted == stored == n_spans:
        raise ServeError(
            f"The ledger does not close: {n_spans} sent, {ledger.accepted} accepted, {stored}"
            f" stored; answers {dict(ledger.statuses)} {ledger.samples}"
        )


def warm_up(run: Run) -> None:
    """Every process has imported what it needs, and holds its connections."""
    send(run, run.store.frames(WARM_UP_SPANS, seed=WARM_UP_SEED))


def ingest(run: Run) -> list[Row]:
    warm_up(run)
    frames = run.store.frames(run.n_spans, seed=SEED)
    size_before, _ = sizes(run)
    sent = send(run, frames)
    size_after, queues = sizes(run)
    run.notes["first_rate"] = sent.queryable_a_second
    usage, latencies = sent.usage, sent.ledger.latencies
    n = sent.n_spans
    rows = [
        Row(
            "ingest", "accepted", sent.ledger.accepted / sent.ledger.seconds, "/s", at_least(15_000)
        ),
        Row("ingest", "queryable, end to end", sent.queryable_a_second, "/s", at_least(8_000)),
        Row("ingest", "CPU of the tree", sent.cpu_us_a_span, "µs/span", at_most(220)),
    ]
    for part, spent in sorted(usage.cpu_by_part.items()):
        rows.append(Row("ingest", f"  of it {part}", spent / n * 1e6, "µs/span"))
    yardstick = inflate_cost(frames[:50])
    return rows + [
        Row("ingest", "  zlib inflates it in", yardstick * 1e6, "µs/span"),
        Row("ingest", "  CPU of the tree is", usage.cpu_s / n / yardstick, "× that"),
        Row("ingest", "CPU of the client", usage.client_cpu_s / n * 1e6, "µs/span"),
        Row("ingest", "stored", (size_after - size_before) / n, "B/span", at_most(2_400)),
        Row("ingest", "queues, empty again", queues / n, "B/span"),
        Row("ingest", "peak memory of the tree", usage.peak_pss / MIB, "MiB PSS", below(800)),
        Row("ingest", "ack p50, saturated", percentile(latencies, 50) * 1e3, "ms"),
        Row("ingest", "ack p99, saturated", percentile(latencies, 99) * 1e3, "ms"),
    ]


def sizes(run: Run) -> tuple[int, int]:
    """Bytes of all tables but the queues, and of the queues."""
    with run.installation.database() as connection:
        found = connection.execute(SIZES).fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def growth(run: Run) -> list[Row]:
    """The rate of a first load on an empty database against that on a large one."""
    chunk = min(CHUNK, run.n_spans)
    first = float(str(run.notes.get("first_rate") or _first_rate(run)))
    large, seed = (LARGE if run.is_full else 2 * run.n_spans), GROWTH_SEED
    while run.digested() < large:
        _load_chunk(run, chunk, seed)
        seed += 1
    sent = _load_chunk(run, chunk, seed)
    ratio = sent.queryable_a_second / first
    goal = at_least(0.75) if run.is_full else None
    return [
        Row("growth", "queryable at first", first, "/s"),
        Row("growth", f"queryable at {large:,} stored", sent.queryable_a_second, "/s"),
        Row("growth", "ratio", ratio, "", goal),
        Row("growth", "CPU of the tree", sent.cpu_us_a_span, "µs/span"),
        Row("growth", "peak memory of the tree", sent.usage.peak_pss / MIB, "MiB PSS", below(800)),
    ]


def _first_rate(run: Run) -> float:
    warm_up(run)
    return send(run, run.store.frames(run.n_spans, seed=SEED)).queryable_a_second


def _load_chunk(run: Run, n_spans: int, seed: int) -> Sent:
    frames = run.store.frames(n_spans, seed=seed)
    run.store.forget(n_spans, seed=seed)
    sent = send(run, frames)
    print(f"  {run.digested():,} stored, {sent.queryable_a_second:,.0f}/s", flush=True)
    return sent

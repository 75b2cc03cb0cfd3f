"""What a span costs to digest with ever more projects, and with ever more spans stored.

Both are measured in an installation of their own, which nothing else is measured in afterwards.
"""

import dataclasses
import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.corpus import Frame
from tests.benchmarks.filling import Filler
from tests.benchmarks.ingesting import GROWTH_SEED, check_ledger, send, warm_up
from tests.benchmarks.installation import Installation, ServeError, running_installation
from tests.benchmarks.load import OTLP, Ledger, post_frame
from tests.benchmarks.metering import Meter
from tests.benchmarks.results import Row, at_most
from tests.benchmarks.run import Run

PROJECTS = (10, 100, 1_000, 10_000)
STORED = (0, 1, 10, 30, 100)  # times the first load
WAITING_OF = (10, 100, 1_000)
FEW_PROJECTS, FEW_WAITING, FEW_STORED = 3, 2, 3  # how many points without --full
BUSY = 10  # of the projects
REQUESTS = 10  # of each project, at least
SEED, CROWD_SEED = 21, 22
CONNECTIONS = 4
FLAT = at_most(1.25)
STORED_NOW = "SELECT coalesce(sum(n), 0)::bigint FROM tracking_ingestcounter WHERE fate = 'stored'"
WAITING = "SELECT EXISTS (SELECT FROM tracking_inboxbatch)"
UNSETTLED = "SELECT EXISTS (SELECT FROM tracking_sessiontorefresh)"

MAKE = """
WITH made AS (
    INSERT INTO core_project (slug, name, created_at, capture_content, masking)
    SELECT %(name)s || '-' || n, 'curve', now(), true, '{}'
    FROM generate_series(0, %(n)s - 1) AS n
    RETURNING id, slug
)
INSERT INTO core_apikey (
    project_id, name, prefix, secret_hash, kind, public_text, scopes, origins, created_at,
    last_used_at
)
SELECT id, 'curve', 'b' || id, encode(sha256((%(key)s || slug)::bytea), 'hex'), 'secret', '',
    ARRAY['ingest'], '{}', now(), now()
FROM made
"""
KEY = "benchmark-key-0123456789-0123456789-of-"


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of one load by part of the tree, in microseconds a span."""

    digest: float
    postgres: float

    @property
    def both(self) -> float:
        return self.digest + self.postgres


def curve(run: Run) -> list[Row]:
    with running_installation() as installation:
        own = dataclasses.replace(run, installation=installation)
        warm_up(own)
        return [*of_projects(own), *of_stored(own)]


def of_projects(run: Run) -> list[Row]:
    return [*of_installed(run), *of_waiting(run)]


def of_installed(run: Run) -> list[Row]:
    """Ever more projects, each with a span: the same load into ten of them."""
    frames = run.store.frames(run.n_spans, seed=SEED)
    singles = run.store.frames(max(PROJECTS), seed=CROWD_SEED, size=1)
    points = PROJECTS if run.is_full else PROJECTS[:FEW_PROJECTS]
    costs, installed = [], 0
    for n in points:
        fresh = keys_of(run.installation, f"of{n}", n - installed)
        crowd = load(run, singles[: len(fresh)], fresh)
        costs.append(load(run, frames, fresh[:BUSY]))
        installed = n
        say(f"{n:,} projects", costs[-1])
    say(f"of the last {len(fresh):,} each its first span", crowd)
    return [
        *rows_of("projects", points, costs),
        *cost_rows(f"the first span each of {len(fresh):,} projects", crowd),
    ]


def of_waiting(run: Run) -> list[Row]:
    """As much of each project as the load holds, ten requests at least, which come by turns; and a
    single one, which is a transaction of its own."""
    frames = run.store.frames(run.n_spans, seed=SEED)
    points = WAITING_OF if run.is_full else WAITING_OF[:FEW_WAITING]
    costs = []
    for n in points:
        keys = keys_of(run.installation, f"waiting{n}", n)
        costs.append(load(run, frames, keys, n_requests=max(len(frames), REQUESTS * n)))
        say(f"{n:,} projects at once", costs[-1])
    n = len(frames)
    single = load(run, frames, keys_of(run.installation, "single", n))
    say(f"{n:,} projects at once, a request each", single)
    return [
        *rows_of("projects at once", points, costs),
        *cost_rows(f"{n:,} projects at once, a request each", single),
    ]


def of_stored(run: Run) -> list[Row]:
    """The same size of load into one project, on top of ever more spans of its own."""
    seeds = itertools.count(GROWTH_SEED)
    points = STORED if run.is_full else STORED[:FEW_STORED]
    costs, filler = [], None
    for point, following in zip(points, (*points[1:], None), strict=True):
        settle(run.installation)
        sent = send(run, run.store.frames(run.n_spans, seed=next(seeds)))
        parts = {name: spent / sent.n_spans * 1e6 for name, spent in sent.usage.cpu_by_part.items()}
        costs.append(Cost(parts["digest"], parts["postgres"]))
        say(f"{point * run.n_spans:,} stored", costs[-1])
        if following is not None:
            settle(run.installation)
            filler = filler or Filler(run.installation)
            # What was sent meanwhile is stored too; copies are of the first load alone.
            filler.add(following - point - 1)
    return rows_of("stored", [point * run.n_spans for point in points], costs)


def rows_of(what: str, points: Sequence[int], costs: Sequence[Cost]) -> list[Row]:
    rows = [
        row
        for point, cost in zip(points, costs, strict=True)
        for row in cost_rows(f"{point:,} {what}", cost)
    ]
    ratio = costs[-1].both / costs[0].both
    return [*rows, Row("curve", f"{what}, last to first", ratio, "", FLAT)]


def cost_rows(what: str, cost: Cost) -> list[Row]:
    return [
        Row("curve", f"{what}: digest and PostgreSQL", cost.both, "µs/span"),
        Row("curve", "  of it digest", cost.digest, "µs/span"),
    ]


def load(run: Run, frames: Sequence[Frame], keys: Sequence[str], *, n_requests: int = 0) -> Cost:
    """Post each frame, or so many requests, to the projects by turns."""
    installation = run.installation
    settle(installation)
    n_requests = n_requests or len(frames)
    n_spans = sum(frames[index % len(frames)].n_spans for index in range(n_requests))
    before = ask(installation, STORED_NOW)
    with Meter(installation.pid) as meter:
        ledger = post_in_turns(installation, frames, keys, n_requests)
        while ask(installation, WAITING):
            time.sleep(0.2)
    check_ledger(ledger, n_spans, ask(installation, STORED_NOW) - before)
    parts = meter.usage.cpu_by_part
    return Cost(parts["digest"] / n_spans * 1e6, parts["postgres"] / n_spans * 1e6)


def post_in_turns(
    installation: Installation, frames: Sequence[Frame], keys: Sequence[str], n_requests: int
) -> Ledger:
    """Request i is of project i, counted round, and each round is a frame behind: none is sent to
    a project twice."""
    ledger, counter = Ledger(), itertools.count()

    def run() -> None:
        connection = installation.connect()
        while (index := next(counter)) < n_requests:
            headers = {**OTLP, "Authorization": f"Bearer {keys[index % len(keys)]}"}
            frame = frames[(index + index // len(keys)) % len(frames)]
            post_frame(connection, frame, ledger, headers)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ledger


def keys_of(installation: Installation, name: str, n_projects: int) -> list[str]:
    """Make projects, and a key for each."""
    with installation.database() as database:
        database.execute(MAKE, {"name": name, "n": n_projects, "key": KEY})
    return [f"{KEY}{name}-{n}" for n in range(n_projects)]


def settle(installation: Installation, *, seconds: float = 600.0) -> None:
    """Wait until the texts of all sessions are fresh: their refresh is no part of the next load."""
    deadline = time.monotonic() + seconds
    while ask(installation, UNSETTLED):
        if time.monotonic() > deadline:
            raise ServeError(f"sessions are refreshed for more than {seconds:g} s")
        time.sleep(1.0)


def ask(installation: Installation, query: str) -> int:
    with installation.database() as database:
        found = database.execute(query).fetchone()
    assert found is not None
    return int(found[0])


def say(what: str, cost: Cost) -> None:
    print(f"  {what}: {cost.digest:.0f} + {cost.postgres:.0f} µs a span", flush=True)

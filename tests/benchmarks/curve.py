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
FEW_PROJECTS, FEW_STORED = 3, 3  # how many points without --full
CROWD, QUICK_CROWD = 10_000, 1_000  # projects with one span each
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
    """A load of requests of 100 spans each, over ever more projects; then one span a project."""
    frames = run.store.frames(run.n_spans, seed=SEED)
    points = PROJECTS if run.is_full else PROJECTS[:FEW_PROJECTS]
    costs = []
    for n in points:
        costs.append(load(run, frames, keys_of(run.installation, f"of{n}", n)))
        say(f"{n:,} projects", costs[-1])
    n_crowd = QUICK_CROWD if run.is_quick else CROWD
    crowd = run.store.frames(n_crowd, seed=CROWD_SEED, size=1)
    worst = load(run, crowd, keys_of(run.installation, "crowd", n_crowd))
    return [
        *rows_of("projects", points, costs),
        *cost_rows(f"{n_crowd:,} projects of one span", worst),
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


def load(run: Run, frames: Sequence[Frame], keys: Sequence[str]) -> Cost:
    """Post each frame, and as often as it takes for every project to get one, by turns."""
    installation = run.installation
    settle(installation)
    n_requests = max(len(frames), len(keys))
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
    """Request i is frame i of project i, both counted round."""
    ledger, counter = Ledger(), itertools.count()

    def run() -> None:
        connection = installation.connect()
        while (index := next(counter)) < n_requests:
            headers = {**OTLP, "Authorization": f"Bearer {keys[index % len(keys)]}"}
            post_frame(connection, frames[index % len(frames)], ledger, headers)
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

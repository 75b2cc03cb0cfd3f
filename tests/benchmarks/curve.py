"""What a span costs to digest with ever more projects, and with ever more spans stored.

Both are measured in an installation of their own, which nothing else is measured in afterwards.
"""

import dataclasses
import itertools
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.benchmarks.backends import BackendMeter
from tests.benchmarks.corpus import Frame
from tests.benchmarks.filling import Filler
from tests.benchmarks.ingesting import GROWTH_SEED, check_ledger, send, warm_up
from tests.benchmarks.installation import Installation, ServeError, running_installation
from tests.benchmarks.load import OTLP, Ledger, post_frame
from tests.benchmarks.metering import Meter
from tests.benchmarks.results import Goal, Row, at_most
from tests.benchmarks.run import Run

PROJECTS = (10, 100, 1_000, 10_000)
STORED = (0, 10, 30, 100)  # times the first load
LOADS = 2  # on top of each
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
    """CPU of one load in microseconds a span: of digest in Python, in PostgreSQL, and of all that
    PostgreSQL did meanwhile: receiving, texts of sessions, results of experiments, its own upkeep.
    """

    python: float
    statements: float
    postgres: float

    @property
    def digest(self) -> float:
        return self.python + self.statements

    @property
    def all(self) -> float:
        return self.python + self.postgres

    @classmethod
    def of(cls, parts: dict[str, float], backends: BackendMeter, n_spans: int) -> "Cost":
        seconds = (parts["digest"], backends.seconds["assay: digest"], parts["postgres"])
        return cls(*(spent / n_spans * 1e6 for spent in seconds))


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
    """The same size of load into one project, on top of ever more spans of its own.

    Twice: after a checkpoint PostgreSQL logs each page whole that is touched for the first time,
    until it has logged 4 GB, which are six loads or more.
    """
    seeds = itertools.count(GROWTH_SEED)
    points = STORED if run.is_full else STORED[:FEW_STORED]
    firsts, costs, n_stored = [], [], 0
    filler: Filler | None = None
    for point in points:
        if point:
            filler = filler or Filler(run.installation)
            # What was sent meanwhile is stored too; copies are of the first loads alone.
            filler.add((point - n_stored) // LOADS)
            n_stored = point
        what = f"{point * run.n_spans:,} stored"
        firsts.append(load_on_top(run, next(seeds), f"{what}, after a checkpoint"))
        costs.append(load_on_top(run, next(seeds), what))
        n_stored += LOADS
    stored = [point * run.n_spans for point in points]
    return [
        *rows_of("stored, after a checkpoint", stored, firsts, goal=None),
        *rows_of("stored", stored, costs),
    ]


def load_on_top(run: Run, seed: int, what: str) -> Cost:
    settle(run.installation)
    with BackendMeter(run.installation) as backends:
        sent = send(run, run.store.frames(run.n_spans, seed=seed))
    cost = Cost.of(sent.usage.cpu_by_part, backends, sent.n_spans)
    say(what, cost)
    return cost


def rows_of(
    what: str, points: Sequence[int], costs: Sequence[Cost], *, goal: Goal | None = FLAT
) -> list[Row]:
    rows = [
        row
        for point, cost in zip(points, costs, strict=True)
        for row in cost_rows(f"{point:,} {what}", cost)
    ]
    first, last = costs[0], costs[-1]
    return [
        *rows,
        Row("curve", f"{what}, last to first: digest", last.digest / first.digest, "", goal),
        Row("curve", "  with all of PostgreSQL", last.all / first.all, ""),
    ]


def cost_rows(what: str, cost: Cost) -> list[Row]:
    return [
        Row("curve", f"{what}: digest", cost.digest, "µs/span"),
        Row("curve", "  of it Python", cost.python, "µs/span"),
        Row("curve", "  with all of PostgreSQL", cost.all, "µs/span"),
    ]


def load(run: Run, frames: Sequence[Frame], keys: Sequence[str], *, n_requests: int = 0) -> Cost:
    """Post each frame, or so many requests, to the projects by turns."""
    installation = run.installation
    settle(installation)
    n_requests = n_requests or len(frames)
    n_spans = sum(frames[index % len(frames)].n_spans for index in range(n_requests))
    before = ask(installation, STORED_NOW)
    with Meter(installation.pid) as meter, BackendMeter(installation) as backends:
        ledger = post_in_turns(installation, frames, keys, n_requests)
        while ask(installation, WAITING):
            time.sleep(0.2)
    check_ledger(ledger, n_spans, ask(installation, STORED_NOW) - before)
    return Cost.of(meter.usage.cpu_by_part, backends, n_spans)


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
    python, statements, postgres = cost.python, cost.statements, cost.postgres
    print(f"  {what}: {python:.0f} + {statements:.0f} of {postgres:.0f} µs a span", flush=True)

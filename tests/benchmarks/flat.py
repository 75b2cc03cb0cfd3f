"""Flat spans as Fallom's wrappers post them: one a request, committed before the answer."""

import contextlib
import datetime
import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.corpus import Frame
from tests.benchmarks.ingesting import check_ledger
from tests.benchmarks.installation import KEY, PROJECT, Installation, ServeError, free_port
from tests.benchmarks.load import JSON, Connection, Failure, Ledger, percentile, post_frames
from tests.benchmarks.metering import Meter, name_of
from tests.benchmarks.prose import Prose
from tests.benchmarks.results import Row, at_least, at_most
from tests.benchmarks.run import Run

SEED = 11
ROUNDS = 3
REQUESTS, QUICK_REQUESTS = 3_000, 800  # of a round
CLIENTS = 8  # wrappers post from threads of their own
SPANS_A_SESSION = 6
READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Server:
    port: int
    pid: int  # of the tree whose CPU is what a request costs


class Load:
    """Rounds of one kind: the ledger of all, and the CPU that the server spent meanwhile."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.ledger = Ledger()
        self.cpu: Counter[str] = Counter()

    @property
    def rate(self) -> float:
        return len(self.ledger.latencies) / self.ledger.seconds

    def post(self, frames: list[Frame]) -> None:
        port = self.server.port
        with Meter(self.server.pid) as meter:
            found = post_frames(
                lambda: Connection(port, KEY), frames, connections=CLIENTS, headers=JSON
            )
        self.cpu.update(meter.usage.cpu_by_part)
        self.ledger.seconds += found.seconds
        self.ledger.accepted += found.accepted
        self.ledger.lost += found.lost
        self.ledger.latencies += found.latencies

    def cost(self, *parts: str) -> float:
        """CPU of these parts a request, in microseconds, until the last is answered."""
        return sum(self.cpu[part] for part in parts) / len(self.ledger.latencies) * 1e6


def fallom(run: Run) -> list[Row]:
    """Rounds by turns, so that all meet the same machine: as in life; then, while the digest waits,
    the door as it is and the door without its insert.
    """
    n, installation = QUICK_REQUESTS if run.is_quick else REQUESTS, run.installation
    frames = list(flat_frames(n * (2 * ROUNDS + 1)))
    parts = [frames[start : start + n] for start in range(0, len(frames), n)]
    before = installation.wait_drained()["stored_events"]
    with without_insert(installation) as other:
        own = Server(installation.port, installation.pid)
        for server in (own, other):
            Load(server).post(parts[0])  # both have opened what they need
        busy, alone, empty = Load(own), Load(own), Load(other)
        for number in range(1, 2 * ROUNDS, 2):
            installation.wait_drained()
            busy.post(parts[number])
            installation.wait_drained()
            with stopped_digest(installation):
                alone.post(parts[number + 1])
                empty.post(parts[0])
    stored = installation.wait_drained()["stored_events"] - before
    for load in (busy, alone):
        check_ledger(load.ledger, ROUNDS * n, stored // (2 * ROUNDS + 1) * ROUNDS)
    run.notes["fallom"] = {"synchronous_commit": durability(installation)}
    return rows_of(busy, alone, empty)


def rows_of(busy: Load, alone: Load, empty: Load) -> list[Row]:
    lost = busy.ledger.lost + alone.ledger.lost + empty.ledger.lost
    return [
        Row("fallom", "accepted while digesting", busy.rate, "/s", at_least(400)),
        Row("fallom", "ack p50, saturated", percentile(busy.ledger.latencies, 50) * 1e3, "ms"),
        Row("fallom", "ack p99, saturated", percentile(busy.ledger.latencies, 99) * 1e3, "ms"),
        Row("fallom", "accepted by the door alone", alone.rate, "/s"),
        Row("fallom", "the same without the insert", empty.rate, "/s"),
        Row("fallom", "ratio", alone.rate / empty.rate, "", at_least(0.5)),
        Row("fallom", "answers that were no success", lost, "", at_most(0)),
        Row("fallom", "CPU of the door", alone.cost("web", "postgres"), "µs/request"),
        Row("fallom", "  of it web", alone.cost("web"), "µs/request"),
        Row("fallom", "CPU of the door without the insert", empty.cost(*empty.cpu), "µs/request"),
    ]


@contextlib.contextmanager
def stopped_digest(installation: Installation) -> Iterator[None]:
    """The digest's workers stand still meanwhile."""
    workers = [each for each in installation.tree() if name_of(each.pid) == "digest"]
    if not workers:
        raise ServeError("there are no digest workers to stop")
    try:
        for worker in workers:
            worker.suspend()
        yield
    finally:
        for worker in workers:
            worker.resume()


def durability(installation: Installation) -> str:
    with installation.database() as database:
        found = database.execute("SELECT current_setting('synchronous_commit')").fetchone()
    assert found is not None
    return str(found[0])


@contextlib.contextmanager
def without_insert(installation: Installation) -> Iterator[Server]:
    """A second web server on the installation's database."""
    port = free_port()
    with (installation.root / "without_insert.log").open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.without_insert", "127.0.0.1", str(port)],
            cwd=PROJECT,
            env={**installation.environment(), "MALLOC_ARENA_MAX": "2"},
            stdout=output,
            stderr=output,
        )
    try:
        wait_answering(Connection(port, KEY), process)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait()


def wait_answering(connection: Connection, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with contextlib.suppress(*Failure):
            if connection.send("GET", "/healthz")[0] == 200:
                connection.close()
                return
        time.sleep(0.1)
    raise ServeError("the server without the insert does not answer")


def flat_frames(n_spans: int) -> Iterator[Frame]:
    """Calls of a model with their request and answer, as fallom-python 0.2.7 writes them."""
    rng, prose = random.Random(SEED), Prose("prose")
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=1)
    session = ""
    for number in range(n_spans):
        if number % SPANS_A_SESSION == 0:
            session = "session-" + rng.randbytes(8).hex()
        lasted = rng.randint(300, 4_000)
        end = now - datetime.timedelta(milliseconds=rng.randint(0, 3_600_000))
        request = {
            "model": "gpt-4o",
            "messages": [
                {"role": "system", "content": prose.take(rng, 600)},
                {"role": "user", "content": prose.message(rng)},
            ],
        }
        answer = prose.message(rng)
        span = {
            "config_key": "support-agent",
            "session_id": session,
            "customer_id": f"user-{rng.randrange(400)}",
            "trace_id": rng.randbytes(16).hex(),
            "span_id": rng.randbytes(8).hex(),
            "name": "chat.completions.create",
            "kind": "llm",
            "model": "gpt-4o-2024-08-06",
            "start_time": (end - datetime.timedelta(milliseconds=lasted)).isoformat(),
            "end_time": end.isoformat(),
            "duration_ms": lasted,
            "status": "OK",
            "attributes": {
                "fallom.sdk_version": "2",
                "fallom.method": "chat.completions.create",
                "fallom.raw.request": json.dumps(request),
                "fallom.raw.response": json.dumps({"text": answer, "finishReason": "stop"}),
                "fallom.raw.usage": json.dumps(
                    {"prompt_tokens": rng.randint(100, 900), "completion_tokens": len(answer) // 4}
                ),
            },
        }
        yield Frame(1, json.dumps(span).encode())

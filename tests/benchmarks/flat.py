"""Flat spans as Fallom's wrappers post them: one a request, committed before the answer."""

import contextlib
import datetime
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.benchmarks.corpus import Frame
from tests.benchmarks.ingesting import check_ledger
from tests.benchmarks.installation import KEY, PROJECT, Installation, ServeError, free_port
from tests.benchmarks.load import JSON, Connection, Failure, Ledger, percentile, post_frames
from tests.benchmarks.metering import Meter
from tests.benchmarks.prose import Prose
from tests.benchmarks.results import Row, at_least, at_most
from tests.benchmarks.run import Run

SEED = 11
ROUNDS = 3
REQUESTS, QUICK_REQUESTS = 3_000, 800  # of a round
CLIENTS = 8  # wrappers post from threads of their own
SPANS_A_SESSION = 6
READY_SECONDS = 30.0


def fallom(run: Run) -> list[Row]:
    """Rounds with and without the insert by turns, so that both meet the same machine."""
    n = QUICK_REQUESTS if run.is_quick else REQUESTS
    frames = list(flat_frames(n * (ROUNDS + 1)))
    whole, empty = Ledger(), Ledger()
    installation = run.installation
    before = installation.wait_drained()["stored_events"]
    with without_insert(installation) as port:
        post(installation.port, frames[:n], Ledger())  # both servers have opened what they need
        post(port, frames[:n], Ledger())
        installation.wait_drained()
        with Meter(installation.pid) as meter:
            for number in range(1, ROUNDS + 1):
                post(installation.port, frames[number * n : (number + 1) * n], whole)
                installation.wait_drained()
                post(port, frames[:n], empty)
        stored = installation.wait_drained()["stored_events"] - before
    check_ledger(whole, ROUNDS * n, stored - n)
    with installation.database() as database:
        durable = database.execute("SELECT current_setting('synchronous_commit')").fetchone()
    run.notes["fallom"] = {"synchronous_commit": durable, "cpu_s": meter.usage.cpu_by_part}
    return rows_of(whole, empty, meter)


def rows_of(whole: Ledger, empty: Ledger, meter: Meter) -> list[Row]:
    rate, ceiling = len(whole.latencies) / whole.seconds, len(empty.latencies) / empty.seconds
    rows = [
        Row("fallom", "requests accepted", rate, "/s", at_least(400)),
        Row("fallom", "the same without the insert", ceiling, "/s"),
        Row("fallom", "ratio", rate / ceiling, "", at_least(0.5)),
        Row("fallom", "answers that were no success", whole.lost + empty.lost, "", at_most(0)),
        Row("fallom", "ack p50, saturated", percentile(whole.latencies, 50) * 1e3, "ms"),
        Row("fallom", "ack p99, saturated", percentile(whole.latencies, 99) * 1e3, "ms"),
    ]
    return rows + [
        Row("fallom", f"CPU of {part}", spent / whole.accepted * 1e6, "µs/span")
        for part, spent in sorted(meter.usage.cpu_by_part.items())
    ]


def post(port: int, frames: list[Frame], ledger: Ledger) -> None:
    """Post each; the ledger gains what came of it and the seconds it took."""
    found = post_frames(lambda: Connection(port, KEY), frames, connections=CLIENTS, headers=JSON)
    ledger.seconds += found.seconds
    ledger.accepted += found.accepted
    ledger.lost += found.lost
    ledger.latencies += found.latencies
    ledger.statuses += found.statuses


@contextlib.contextmanager
def without_insert(installation: Installation) -> Iterator[int]:
    """A second web server on the installation's database; its port."""
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
        yield port
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

"""How soon requests are answered, and how soon what they brought is visible."""

import gzip
import json
import threading
import time
from collections.abc import Iterator

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.benchmarks.corpus import Frame
from tests.benchmarks.installation import ServeError
from tests.benchmarks.load import (
    JSON,
    OTLP,
    Connection,
    Failure,
    Ledger,
    Pace,
    percentile,
    post_frame,
)
from tests.benchmarks.results import Row, at_most, below
from tests.benchmarks.run import Run

LATENCY_SEED, BROKER_SEED = 2, 3
REQUESTS_A_SECOND = 50
SAMPLE_EVERY = 10  # requests
SENDERS = 8
VISIBLE_SECONDS = 60.0
AT_ONCE = 4  # spans asked for, the oldest first: asking must not become the load


def latency(run: Run) -> list[Row]:
    """50 requests a second of 100 spans, sent when due whatever the answers take."""
    seconds = run.seconds(usual=20, quick=4)
    frames = run.store.frames(int(REQUESTS_A_SECOND * seconds * 100), seed=LATENCY_SEED)
    watch, ledger = Watch(run), Ledger()
    samples = {index: span_path(frames[index]) for index in range(0, len(frames), SAMPLE_EVERY)}

    def call(connection: Connection, index: int, due: float) -> None:
        try:
            status, _ = connection.send("POST", "/v1/traces", frames[index].body, OTLP)
        except Failure as error:
            ledger.note(type(error).__name__, time.perf_counter() - due, lost=1)
            return
        now = time.perf_counter()
        ledger.note(str(status), now - due, lost=int(status >= 300))
        if index in samples and status < 300:
            watch.add(samples[index], now)

    with watch:
        pace = Pace(run.installation.connect, rate=REQUESTS_A_SECOND, connections=SENDERS)
        pace.run(len(frames), call)
    run.notes["latency answers"] = dict(ledger.statuses)
    return [
        Row("latency", "ack p50", percentile(ledger.latencies, 50) * 1e3, "ms"),
        Row("latency", "ack p99", percentile(ledger.latencies, 99) * 1e3, "ms", below(200)),
        Row("latency", "ack to visible p50", percentile(watch.seen, 50), "s"),
        Row("latency", "ack to visible p95", percentile(watch.seen, 95), "s", below(3)),
        Row("latency", "answers that were no success", ledger.lost, "", at_most(0)),
        Row("latency", "samples never visible", watch.n_waiting, "", at_most(0)),
    ]


def span_path(frame: Frame) -> str:
    """Where the last span of a request can be read."""
    request = ExportTraceServiceRequest.FromString(gzip.decompress(frame.body))
    span = request.resource_spans[0].scope_spans[0].spans[-1]
    return f"/api/v1/spans/{span.trace_id.hex()}/{span.span_id.hex()}"


class Watch:
    """Asks for spans until they are there: ``seen`` holds how long each took after its ack."""

    def __init__(self, run: Run) -> None:
        self.connection = run.installation.connect()
        self.waiting: dict[str, float] = {}
        self.seen: list[float] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    @property
    def n_waiting(self) -> int:
        return len(self.waiting)

    def add(self, path: str, acknowledged: float) -> None:
        self.waiting[path] = acknowledged

    def __enter__(self) -> "Watch":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.thread.join()
        self.connection.close()

    def _watch(self) -> None:
        while not self.is_over.is_set() or self.waiting:
            for path, acknowledged in list(self.waiting.items())[:AT_ONCE]:
                status, _ = self.connection.send("GET", path)
                waited = time.perf_counter() - acknowledged
                if status == 200:
                    self.seen.append(waited)
                    del self.waiting[path]
                elif waited > VISIBLE_SECONDS:
                    return
            time.sleep(0.1)


def smallreply(run: Run) -> list[Row]:
    """An ordinary client on one connection: nothing waits for a delayed ACK (40 ms on Linux)."""
    connection = run.installation.connect()
    times = []
    for body in pings(run, "smallreply", 120):
        began = time.perf_counter()
        status, answer = connection.send("POST", "/api/v1/events", body, JSON)
        times.append(time.perf_counter() - began)
        if status != 202:
            raise ServeError(f"A single event was answered {status}: {answer[:200]!r}")
    connection.close()
    return [
        Row("smallreply", "one event p50", percentile(times, 50) * 1e3, "ms", below(20)),
        Row("smallreply", "one event p99", percentile(times, 99) * 1e3, "ms"),
    ]


def pings(run: Run, name: str, count: int) -> Iterator[bytes]:
    for number in range(count):
        event = {"type": "bench_ping", "id": f"{name}-{number}", "data": {"number": number}}
        yield json.dumps(event).encode()


def broker(run: Run) -> list[Row]:
    """200 requests a second while workers are busy with spans: bells must not pile up."""
    seconds = run.seconds(usual=30, quick=5, full=600)
    # In a long run they come again: duplicates ring the same bells.
    frames = run.store.frames(int(min(seconds, 30) * 1_000), seed=BROKER_SEED)
    bodies = list(pings(run, "broker", int(200 * seconds)))
    ledger, depth = Ledger(), Depth(run)

    def call(connection: Connection, index: int, due: float) -> None:
        try:
            status, _ = connection.send("POST", "/api/v1/events", bodies[index], JSON)
        except Failure as error:
            ledger.note(type(error).__name__, time.perf_counter() - due, lost=1)
            return
        ledger.note(str(status), time.perf_counter() - due, lost=int(status >= 300))
        if index % 20 == 0:
            post_frame(connection, frames[index // 20 % len(frames)], Ledger())

    with depth:
        pace = Pace(run.installation.connect, rate=200, connections=SENDERS)
        pace.run(len(bodies), call)
        run.installation.wait_drained()
    return [
        Row("broker", "most messages at once", max(depth.counts), "", below(50)),
        Row("broker", "samples", len(depth.counts)),
        Row("broker", "ack p99", percentile(ledger.latencies, 99) * 1e3, "ms"),
        Row("broker", "answers that were no success", ledger.lost, "", at_most(0)),
    ]


class Depth:
    """How many messages the file broker holds, looked at twenty times a second."""

    def __init__(self, run: Run) -> None:
        self.installation = run.installation
        self.counts: list[int] = []
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> "Depth":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.is_over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.is_over.wait(0.05):
            self.counts.append(self.installation.count_messages())

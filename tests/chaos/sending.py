"""Clients that never give up, and the ledger of what they were told."""

import datetime
import itertools
import json
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass, field

from tests.benchmarks.corpus import Corpus, make_frame
from tests.benchmarks.installation import Installation
from tests.benchmarks.load import JSON, OTLP, Connection, Failure

SpanId = tuple[str, str]  # of the trace, of the span
OTLP_SPANS, JSON_SPANS = 20, 25
EXPIRED = "1990-01-01T00:00:00Z"


@dataclass(frozen=True, slots=True)
class Batch:
    """A request; of JSON batches one item is too old, and must be refused alone."""

    path: str
    headers: dict[str, str]
    body: bytes
    ids: list[SpanId]
    n_items: int


@dataclass
class Ledger:
    """``sent`` is written before a request, ``acknowledged`` only after its answer."""

    sent: set[SpanId] = field(default_factory=set)
    acknowledged: set[SpanId] = field(default_factory=set)
    items_acknowledged: int = 0
    items_unsure: int = 0  # of requests that broke off: committed or not
    answers: Counter[str] = field(default_factory=Counter)
    bodies: list[bytes] = field(default_factory=list)  # of answers nobody should get
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note_sending(self, batch: Batch) -> None:
        with self.lock:
            self.sent.update(batch.ids)

    def note_answer(self, batch: Batch, status: int, body: bytes) -> None:
        with self.lock:
            self.answers[str(status)] += 1
            if 200 <= status < 300:
                self.acknowledged.update(batch.ids)
                self.items_acknowledged += batch.n_items
            elif status == 503:
                self.items_unsure += batch.n_items
            else:
                self.bodies.append(body[:500])

    def note_silence(self, batch: Batch, error: Exception) -> None:
        with self.lock:
            self.answers[type(error).__name__] += 1
            if not isinstance(error, ConnectionRefusedError):
                self.items_unsure += batch.n_items

    def wait_for_more(self, spans: int, *, seconds: float) -> None:
        """Until so many more are acknowledged; a tree that takes too long is hit all the same."""
        wanted, deadline = len(self.acknowledged) + spans, time.monotonic() + seconds
        while len(self.acknowledged) < wanted and time.monotonic() < deadline:
            time.sleep(0.02)


class Traffic:
    """Batches of both formats, the same for the same seed as long as one thread takes them."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.now = datetime.datetime.now(datetime.UTC)
        midnight = self.now.replace(hour=0, minute=0, second=0, microsecond=0)
        self.spans = Corpus(1_000_000, seed=seed, end=midnight).spans()
        self.numbers = itertools.count()
        self.lock = threading.Lock()

    def take(self) -> Batch:
        with self.lock:
            number = next(self.numbers)
            return self._otlp() if number % 3 == 0 else self._json(number)

    def _otlp(self) -> Batch:
        spans = list(itertools.islice(self.spans, OTLP_SPANS))
        ids = [(span.trace_id.hex(), span.span_id.hex()) for span in spans]
        return Batch("/v1/traces", OTLP, make_frame(spans).body, ids, len(spans))

    def _json(self, number: int) -> Batch:
        """Traces of five spans; sessions go on over many batches, so workers meet in them."""
        ids = [(f"trace-{number}-{ix // 5}", f"span-{number}-{ix}") for ix in range(JSON_SPANS)]
        events = [self._event(trace, span) for trace, span in ids]
        events.insert(self.rng.randrange(len(events)), {"type": "late", "timestamp": EXPIRED})
        body = json.dumps({"events": events}).encode()
        return Batch("/api/v1/events", JSON, body, ids, len(events))

    def _event(self, trace: str, span: str) -> dict[str, object]:
        start = self.now - datetime.timedelta(seconds=self.rng.randrange(86_400))
        end = start + datetime.timedelta(milliseconds=self.rng.randrange(5_000))
        data = {
            "trace_id": trace,
            "span_id": span,
            "name": "chat",
            "kind": "llm",
            "start": start.isoformat(),
            "end": end.isoformat(),
            "session_id": f"session-{self.rng.randrange(20)}",
            "model": self.rng.choice(["gpt-4o", "claude-sonnet-4"]),
            "provider": "openai",
            "tokens": {"input": self.rng.randrange(900), "output": self.rng.randrange(300)},
            "input": "x" * self.rng.randrange(400),
        }
        return {"type": "span", "timestamp": start.isoformat(), "data": data}


class Senders:
    """Threads that send until told to stop, and then until their last batch is acknowledged."""

    def __init__(self, installation: Installation, traffic: Traffic, *, threads: int = 4) -> None:
        self.installation, self.traffic = installation, traffic
        self.ledger = Ledger()
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._run) for _ in range(threads)]

    def start(self) -> None:
        for thread in self.threads:
            thread.start()

    def stop(self) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join()

    def _run(self) -> None:
        connection = self.installation.connect()
        while not self.stopped.is_set():
            batch = self.traffic.take()
            self._deliver(connection, batch)
            if len(batch.body) % 5 == 0:
                self._deliver(connection, batch)  # a client that lost the answer
            time.sleep(0.05)
        connection.close()

    def _deliver(self, connection: Connection, batch: Batch) -> None:
        while True:
            self.ledger.note_sending(batch)
            try:
                status, body = connection.send("POST", batch.path, batch.body, batch.headers)
            except Failure as error:
                self.ledger.note_silence(batch, error)
                time.sleep(0.1)
                continue
            self.ledger.note_answer(batch, status, body)
            if status != 503:
                return
            time.sleep(0.1)

"""A load client: keep-alive connections, and a ledger of what the server answered.

Standard library only, and ``http.client``, which is what most Python clients come down to.
"""

import http.client
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks.corpus import Frame

OTLP = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}
JSON = {"Content-Type": "application/json"}
RETRIED = (429, 502, 503, 504)
MAX_TRIES = 50
Failure = (OSError, http.client.HTTPException)


@dataclass
class Ledger:
    """What became of requests. Written only after the answer."""

    accepted: int = 0  # items
    lost: int = 0  # items refused for good
    latencies: list[float] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)  # of what was refused
    seconds: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def note(self, status: str, seconds: float, *, accepted: int = 0, lost: int = 0) -> None:
        with self.lock:
            self.statuses[status] += 1
            self.latencies.append(seconds)
            self.accepted += accepted
            self.lost += lost

    def note_refusal(self, status: int, body: bytes) -> None:
        with self.lock:
            if len(self.samples) < 5:
                self.samples.append(f"{status}: {body[:300]!r}")


class Connection:
    """One keep-alive connection, opened again when it breaks."""

    def __init__(self, port: int, key: str, *, host: str = "127.0.0.1") -> None:
        self.http = http.client.HTTPConnection(host, port, timeout=60)
        self.key = key

    def send(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, bytes]:
        """The status and the body; OSError or HTTPException when there was no answer."""
        sent = {"Authorization": f"Bearer {self.key}", **(headers or {})}
        try:
            self.http.request(method, path, body, sent)
            response = self.http.getresponse()
            return response.status, response.read()
        except Failure:
            self.http.close()
            raise

    def close(self) -> None:
        self.http.close()


def post_frames(
    connect: Callable[[], Connection],
    frames: Sequence[Frame],
    *,
    connections: int = 4,
    headers: dict[str, str] = OTLP,
) -> Ledger:
    """Post every frame to /v1/traces as fast as the server takes them."""
    ledger, counter = Ledger(), itertools.count()

    def run() -> None:
        connection = connect()
        # next() of a counter is atomic under the interpreter's lock
        while (index := next(counter)) < len(frames):
            post_frame(connection, frames[index], ledger, headers)
        connection.close()

    threads = [threading.Thread(target=run) for _ in range(connections)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ledger.seconds = time.perf_counter() - began
    return ledger


def post_frame(
    connection: Connection, frame: Frame, ledger: Ledger, headers: dict[str, str] = OTLP
) -> bool:
    """Post until it is accepted or refused for good; True when accepted."""
    for attempt in range(MAX_TRIES):
        began = time.perf_counter()
        try:
            status, body = connection.send("POST", "/v1/traces", frame.body, headers)
        except Failure as error:
            ledger.note(type(error).__name__, time.perf_counter() - began)
            time.sleep(min(1.0, 0.05 * 2**attempt))
            continue
        took = time.perf_counter() - began
        if 200 <= status < 300:
            ledger.note(str(status), took, accepted=frame.n_spans)
            return True
        ledger.note_refusal(status, body)
        if status not in RETRIED:
            ledger.note(str(status), took, lost=frame.n_spans)
            return False
        ledger.note(str(status), took)
        time.sleep(1.0)
    ledger.note("given up", 0.0, lost=frame.n_spans)
    return False


def percentile(values: Sequence[float], percent: float) -> float:
    """By nearest rank; 0 of nothing."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-percent * len(ordered) // 100) - 1))]


class Pace:
    """Requests at a fixed rate, however long their answers take, over a few connections."""

    def __init__(self, connect: Callable[[], Connection], *, rate: float, connections: int) -> None:
        self.connect, self.rate, self.connections = connect, rate, connections

    def run(self, n_calls: int, call: Callable[[Connection, int, float], None]) -> None:
        """``call(connection, index, due)``; ``due`` is when it should have begun (perf_counter), so
        that a late start counts as waiting.
        """
        counter, began = itertools.count(), time.perf_counter() + 0.1

        def run() -> None:
            connection = self.connect()
            while (index := next(counter)) < n_calls:
                due = began + index / self.rate
                time.sleep(max(0.0, due - time.perf_counter()))
                call(connection, index, due)
            connection.close()

        threads = [threading.Thread(target=run) for _ in range(self.connections)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

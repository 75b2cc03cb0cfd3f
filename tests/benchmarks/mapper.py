"""What the OTLP adapter costs by itself: what the door looks at, and what digest maps.

Every body is read once, as in life: what repeats is remembered, what is new is new. The median over
bodies is given, in CPU time of this process.
"""

import gzip
import statistics
import time
from collections.abc import Callable

from tests.benchmarks.corpus import Frame
from tests.benchmarks.results import Row, at_least
from tests.benchmarks.run import Run
from tracking.adapters import otlp
from tracking.events import Receipt

SPANS, SEED = 20_000, 1
WARM_UP = 20  # bodies
RECEIPT = Receipt(received_us=1_795_305_600_000_000, horizon_us=0)


def mapper(run: Run) -> list[Row]:
    frames = run.store.frames(SPANS, seed=SEED)
    checked, mapped = cost_of(check, frames), cost_of(read, frames)
    return [
        Row("mapper", "checked at the door", checked * 1e6, "µs/span"),
        Row("mapper", "mapped", mapped * 1e6, "µs/span"),
        Row("mapper", "mapped a core", 1 / mapped, "/s", at_least(25_000)),
    ]


def cost_of(run: Callable[[bytes], object], frames: list[Frame]) -> float:
    """CPU seconds a span."""
    costs = []
    for frame in frames:
        body = gzip.decompress(frame.body)
        began = time.process_time()
        run(body)
        costs.append((time.process_time() - began) / frame.n_spans)
    return statistics.median(costs[WARM_UP:])


def check(body: bytes) -> object:
    return otlp.check(body, json=False, receipt=RECEIPT)


def read(body: bytes) -> object:
    return otlp.read(body, json=False, receipt=RECEIPT)

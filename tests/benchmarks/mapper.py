"""Microseconds of CPU a span of the OTLP adapter, over a corpus of ``.pbs`` frames.

    python -m tests.benchmarks.mapper CORPUS_DIR [--profile]

Every body is read once, as in life: what repeats is remembered, what is new is new. A line gives
the median over bodies, and the lowest tenth, which is nearer to what the code costs where other
processes want the machine too.
"""

import argparse
import cProfile
import json
import pathlib
import pstats
import statistics
import struct
import time
from collections.abc import Callable, Iterator

from tracking.adapters import otlp
from tracking.events import Receipt

FRAME = struct.Struct(">II")  # bytes, spans
RECEIPT = Receipt(received_us=1_795_305_600_000_000, horizon_us=0)
WARM_UP = 20  # bodies


def frames(path: pathlib.Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        while head := file.read(FRAME.size):
            size, count = FRAME.unpack(head)
            yield count, file.read(size)


def measure(run: Callable[[bytes], object], bodies: list[tuple[int, bytes]]) -> dict[str, float]:
    """Microseconds a span."""
    times = []
    for n_spans, body in bodies:
        begin = time.process_time()
        run(body)
        times.append((time.process_time() - begin) / n_spans * 1e6)
    deciles = statistics.quantiles(times[WARM_UP:], n=10)
    return {"median": round(deciles[4], 2), "lowest_tenth": round(deciles[0], 2)}


def check(body: bytes) -> object:
    return otlp.check(body, json=False, receipt=RECEIPT)


def read(body: bytes) -> object:
    return otlp.read(body, json=False, receipt=RECEIPT)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    bodies = list(frames(args.corpus / "otlp.b100.pbs"))
    for run in (check, read):
        print(json.dumps({run.__name__: measure(run, bodies)}))
    if args.profile:
        with cProfile.Profile() as profile:
            for _, body in bodies[:100]:
                read(body)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()

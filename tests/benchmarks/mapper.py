"""Microseconds a span of the OTLP adapter, over a corpus of ``.pbs`` frames.

    python -m tests.benchmarks.mapper CORPUS_DIR [--rounds N] [--profile]

Prints for ``check`` and ``read`` the mean of a first pass (cold memos), and of the best round of
each body, which is what the code costs when nothing else runs on the machine.
"""

import argparse
import cProfile
import json
import pathlib
import pstats
import struct
import time
from collections.abc import Callable, Iterator

from tracking.adapters import otlp
from tracking.events import Receipt

FRAME = struct.Struct(">II")  # bytes, spans
RECEIPT = Receipt(received_us=1_795_305_600_000_000, horizon_us=0)


def frames(path: pathlib.Path) -> Iterator[tuple[int, bytes]]:
    with path.open("rb") as file:
        while head := file.read(FRAME.size):
            size, count = FRAME.unpack(head)
            yield count, file.read(size)


def seconds(run: Callable[[bytes], object], body: bytes) -> float:
    begin = time.perf_counter()
    run(body)
    return time.perf_counter() - begin


def measure(run: Callable[[bytes], object], bodies: list[bytes], rounds: int) -> dict[str, float]:
    passes = [[seconds(run, body) for body in bodies] for _ in range(rounds)]
    best = [min(times) for times in zip(*passes, strict=True)]
    return {"cold": sum(passes[0]), "warm": min(map(sum, passes)), "best": sum(best)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--bodies", type=int, default=60)
    parser.add_argument("--profile", action="store_true")
    args = parser.parse_args()
    counted = list(frames(args.corpus / "otlp.b100.pbs"))[: args.bodies]
    bodies = [body for _, body in counted]
    n_spans = sum(count for count, _ in counted)
    runs = {
        "check": lambda body: otlp.check(body, json=False, receipt=RECEIPT),
        "read": lambda body: otlp.read(body, json=False, receipt=RECEIPT),
    }
    for name, run in runs.items():
        figures = measure(run, bodies, args.rounds)
        print(json.dumps({name: {at: round(t / n_spans * 1e6, 2) for at, t in figures.items()}}))
    if args.profile:
        with cProfile.Profile() as profile:
            for body in bodies:
                runs["read"](body)
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)


if __name__ == "__main__":
    main()

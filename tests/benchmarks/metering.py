"""CPU and memory of a process tree, from /proc."""

import os
import threading
import time
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from core.embedded.processes import stat_fields
from tests.benchmarks.corpus import Frame

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PARENT, ALL_TIMES = 1, slice(11, 15)


def tree_of(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (fields := stat_fields(int(name))):
            children.setdefault(int(fields[PARENT]), []).append(int(name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def cpu_seconds(pid: int) -> float:
    """Of the process and of its children that ended and were waited for."""
    fields = stat_fields(pid)
    return sum(map(int, fields[ALL_TIMES])) / TICKS_A_SECOND if fields else 0.0


def tree_cpu(root: int) -> float:
    return sum(map(cpu_seconds, tree_of(root)))


def pss_bytes(pid: int) -> int:
    """Memory with shared pages divided among those who share them."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:")), 0)


def tree_pss(root: int) -> int:
    return sum(map(pss_bytes, tree_of(root)))


@dataclass(frozen=True, slots=True)
class Usage:
    seconds: float
    cpu_s: float  # of the whole tree
    cpu_by_part: dict[str, float]  # by child of the root: web, workers, PostgreSQL
    peak_pss: int
    client_cpu_s: float  # of this process, which shares the cores


class Meter:
    """``with Meter(pid) as meter: …`` then ``meter.usage``."""

    def __init__(self, root: int, *, interval: float = 2.0) -> None:
        self.root, self.interval = root, interval
        self.usage = Usage(0.0, 0.0, {}, 0, 0.0)
        self.stopped = threading.Event()
        self.peak = 0

    def __enter__(self) -> "Meter":
        self.before, self.client_before = parts_of(self.root), time.process_time()
        self.began = time.perf_counter()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        seconds, after = time.perf_counter() - self.began, parts_of(self.root)
        client = time.process_time() - self.client_before
        self.stopped.set()
        self.thread.join()
        spent = {name: cpu - self.before.get(name, 0.0) for name, cpu in after.items()}
        self.usage = Usage(seconds, sum(spent.values()), spent, self.peak, client)

    def _watch(self) -> None:
        while not self.stopped.wait(self.interval):
            self.peak = max(self.peak, tree_pss(self.root))


def parts_of(root: int) -> dict[str, float]:
    """CPU seconds by child of the root, and of the root itself."""
    parts = {"supervisor": cpu_seconds(root)}
    for child in children_of(root):
        parts[name_of(child)] = tree_cpu(child)
    return parts


def children_of(root: int) -> list[int]:
    pids = [int(name) for name in os.listdir("/proc") if name.isdigit()]
    return [pid for pid in pids if (f := stat_fields(pid)) and int(f[PARENT]) == root]


def name_of(pid: int) -> str:
    """What a child of ``serve`` is, told by its title."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return "gone"
    _, is_ours, name = command.rstrip("\0").partition("assay: ")
    return name if is_ours else "postgres" if "postgres" in command else "other"


def calibrate(rounds: int = 3) -> float:
    """Seconds of a fixed piece of pure Python, the best of a few: how fast the machine is now."""
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        total = 0
        for number in range(2_000_000):
            total += number * number % 7
        times.append(time.perf_counter() - began)
    return min(times)


def inflate_cost(frames: Sequence[Frame], rounds: int = 5) -> float:
    """CPU seconds a span of inflating these gzip bodies with the standard library, the best of a
    few: what any program pays first here, so that costs of two machines can be compared."""
    costs = []
    for _ in range(rounds):
        began = time.process_time()
        for frame in frames:
            zlib.decompress(frame.body, wbits=31)
        costs.append(time.process_time() - began)
    return min(costs) / sum(frame.n_spans for frame in frames)

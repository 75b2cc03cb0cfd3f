"""``make bench``, or ``python -m tests.benchmarks [names…] [--spans N] [--quick] [--full]``.

Starts an installation of its own, measures it, deletes it. Prints a table and writes JSON to
``var/bench``. Other work on the machine lowers every rate: the calibration at the top and the
bottom tells by how much, and ratios within one run tell more than numbers of two.
"""

import argparse
import contextlib
import datetime
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks import (
    answering,
    closing,
    curve,
    flat,
    ingesting,
    mapper,
    pages,
    prompts,
    resting,
)
from tests.benchmarks.frames import Store
from tests.benchmarks.installation import PROJECT, Installation, ServeError
from tests.benchmarks.metering import calibrate
from tests.benchmarks.results import Row, at_most, table, verdict
from tests.benchmarks.run import Run

Benchmark = Callable[[Run], list[Row]]
# In the order they run: what needs an empty database comes first.
BENCHMARKS: dict[str, Benchmark] = {
    "mapper": mapper.mapper,
    "smallreply": answering.smallreply,
    "ingest": ingesting.ingest,
    "fallom": flat.fallom,
    "latency": answering.latency,
    "broker": answering.broker,
    "growth": ingesting.growth,
    "pages": pages.pages,
    "ledger": closing.ledger,
    "prompts": prompts.prompts,
    "startup": resting.startup,
    "idle": resting.idle,
    "curve": curve.curve,
}
ONLY_FULL = ("growth", "ledger", "curve")
SPANS, QUICK_SPANS = 100_000, 20_000


def main() -> int:
    options = parse_options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the installation is deleted
    folder = PROJECT / "var" / "bench"
    print("Calibrating …", flush=True)
    before = calibrate()
    installation = Installation()
    try:
        rows, run = measure(installation, folder, options)
        drift = installation.run_command("verify_rollups")
    except ServeError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        installation.delete()
    rows.append(Row("laws", "verify_rollups exits with", drift.returncode, "", at_most(0)))
    speed = {"before_s": before, "after_s": calibrate()}
    path = write_json(folder, rows, run, speed)
    report(rows, speed, path)
    return 0 if all(row.is_met is not False for row in rows) else 2


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all without any")
    parser.add_argument("--spans", type=int, help=f"of the first load, {SPANS:,} if not said")
    parser.add_argument("--quick", action="store_true", help="in two minutes, less exact")
    parser.add_argument("--full", action="store_true", help="also at a million stored spans")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}")
    options.spans = options.spans or (QUICK_SPANS if options.quick else SPANS)
    return options


def chosen(options: argparse.Namespace) -> list[str]:
    if options.names:
        return [name for name in BENCHMARKS if name in options.names]
    return [name for name in BENCHMARKS if options.full or name not in ONLY_FULL]


def measure(
    installation: Installation, folder: Path, options: argparse.Namespace
) -> tuple[list[Row], Run]:
    store = Store(folder / "corpus", datetime.datetime.now(datetime.UTC).date())
    print("Starting an installation …", flush=True)
    run = Run(
        installation,
        store,
        options.spans,
        is_quick=options.quick,
        is_full=options.full,
        first_start_s=installation.start(),
    )
    rows: list[Row] = []
    names = chosen(options)
    for name in names:
        print(f"{name} …", flush=True)
        rows += attempt(name, run)
        if name == "ingest" and {"growth", "pages"} <= set(names):
            pages.look(run)  # the smaller of the two sizes that the pages are compared at
    return rows, run


def attempt(name: str, run: Run) -> list[Row]:
    """A benchmark that fails is a missed goal; the others are measured all the same."""
    try:
        return BENCHMARKS[name](run)
    except (ServeError, subprocess.CalledProcessError, OSError) as error:
        print(f"{name} failed: {error}", file=sys.stderr, flush=True)
        return [Row(name, f"failed: {error}"[:100], 1, "", at_most(0))]


def write_json(folder: Path, rows: list[Row], run: Run, speed: dict[str, float]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.datetime.now(datetime.UTC)
    path = folder / f"{now:%Y%m%dT%H%M%SZ}.json"
    content = {
        "at": now.isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "spans": run.n_spans,
        "calibration": speed,
        "rows": [row.as_json() for row in rows],
        "notes": run.notes,
        "verdict": verdict(rows),
    }
    path.write_text(json.dumps(content, indent=1, default=str))
    return path


def report(rows: list[Row], speed: dict[str, float], path: Path) -> None:
    print()
    print(table(rows))
    print()
    print(
        f"Calibration: {speed['before_s']:.3f} s before, {speed['after_s']:.3f} s after"
        f" (a fixed piece of pure Python); {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}."
    )
    with contextlib.suppress(ValueError):
        path = path.relative_to(Path.cwd())
    print(f"Written to {path}.")
    print(verdict(rows))


if __name__ == "__main__":
    sys.exit(main())

"""Server time and statements of every page and read API, and whether either grows with the data."""

import json
import subprocess
import sys
import time
from typing import Any

from tests.benchmarks.ingesting import ingest
from tests.benchmarks.installation import PROJECT, Installation, ServeError
from tests.benchmarks.load import JSON
from tests.benchmarks.page_costs import EXAMPLE
from tests.benchmarks.results import Row, at_most, below
from tests.benchmarks.run import Run

REPEATS = 11
# Seconds until autovacuum is waited for no longer, and without it before pages are measured: longer
# than it naps.
SETTLE_SECONDS, RESTS = 240.0, 25
AT_WORK = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'autovacuum worker'"
MOST_STATEMENTS, MOST_MS, MOST_RATIO = 15, 100, 1.3
# Below this many milliseconds a ratio tells of noise alone.
FLOOR_MS = 10.0
Costs = dict[str, dict[str, Any]]  # by route: what page_costs prints


def pages(run: Run) -> list[Row]:
    look(run)
    stages: dict[int, Costs] = run.notes["pages"]  # type: ignore[assignment]
    large = stages[max(stages)]
    rows = [row for route in sorted(large) for row in _rows(route, large[route])]
    most = max(cost["statements"] for cost in large.values())
    rows.append(Row("pages", "most statements of a page", most, "", at_most(MOST_STATEMENTS)))
    for small in sorted(stages)[:-1]:
        ratio, route = worst_ratio(stages[small], large)
        what = f"slowest growth from {small:,} to {max(stages):,}: {route}"
        rows.append(Row("pages", what, ratio, "×", at_most(MOST_RATIO) if run.is_full else None))
    return rows


def _rows(route: str, cost: dict[str, Any]) -> list[Row]:
    """The time always; the number of statements and the status where something is wrong."""
    n_statements, status = cost["statements"], cost["status"]
    rows = [Row("pages", f"{route} · {n_statements}", cost["median_ms"], "ms", below(MOST_MS))]
    if n_statements > MOST_STATEMENTS:
        row = Row("pages", f"{route} statements", n_statements, "", at_most(MOST_STATEMENTS))
        rows.append(row)
    if status >= 400:
        rows.append(Row("pages", f"{route} status", status, "", below(400)))
    return rows


def worst_ratio(small: Costs, large: Costs) -> tuple[float, str]:
    """The greatest growth of best times, and whose it is."""
    shared = small.keys() & large.keys()
    grown = {
        route: max(large[route]["best_ms"], FLOOR_MS) / max(small[route]["best_ms"], FLOOR_MS)
        for route in shared
    }
    route = max(grown, key=lambda name: grown[name])
    return grown[route], route


def look(run: Run) -> None:
    """Measure now, and keep it under the number of stored events."""
    run.installation.wait_drained()
    stored = int(run.installation.status()["stored_events"])
    if not stored:
        ingest(run)
        return look(run)
    _make_prompt(run)
    settle(run.installation)
    found = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.page_costs", str(REPEATS)],
        cwd=PROJECT,
        env=run.installation.environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    answer = json.loads(found.stdout.splitlines()[-1])
    costs = {cost["route"]: cost for cost in answer["costs"]}
    stages: dict[int, Costs] = run.notes.setdefault("pages", {})  # type: ignore[assignment]
    stages[stored] = costs
    run.notes["pages without an example"] = answer["skipped"]
    return None


def settle(installation: Installation) -> None:
    """Have what follows a load done: the more is stored, the longer it shares the cores."""
    installation.wait_texts()
    with installation.database() as connection:
        connection.execute("VACUUM (ANALYZE)")
        deadline, resting = time.monotonic() + SETTLE_SECONDS, 0
        while resting < RESTS and time.monotonic() < deadline:
            time.sleep(1.0)
            found = connection.execute(AT_WORK).fetchone()
            resting = 0 if found and found[0] else resting + 1


def _make_prompt(run: Run) -> None:
    """A prompt of two published versions, once: the pages of prompts need an example."""
    connection = run.installation.connect()
    path = "/api/v1/prompts"
    made, _ = connection.send("POST", path, json.dumps({"key": EXAMPLE}).encode(), JSON)
    for number in (1, 2) if made == 201 else ():
        version = {"system": "Be brief.", "user_template": f"Question {number}: {{{{ question }}}}"}
        body = json.dumps({**version, "note": "An example.", "publish": True}).encode()
        status, answer = connection.send("POST", f"{path}/{EXAMPLE}/versions", body, JSON)
        if status != 201:
            raise ServeError(f"No version {number} of the example: {status} {answer!r:.300}")
    connection.close()

"""Server time and statements of every page and read API, within one process beside ``serve``:

    python -m tests.benchmarks.page_costs REPEATS

The environment names the installation. Prints JSON: the costs, and routes it has no example for.
"""

import json
import os
import re
import statistics
import sys
import time
from collections.abc import Iterator
from typing import Any

import django
import psycopg
from django.contrib.auth import get_user_model
from django.db import connection
from django.test import Client

from tests.benchmarks.installation import KEY, SLUG
from tests.security.routes import all_routes

NOT_READ = re.compile(r"^(admin|k/|v1/|login|logout|fallom|metrics)|revoke|remove|role|schema|docs")
# A session and a trace of the usual size, so that stages of a run compare like with like.
SESSION = (
    "SELECT session_id FROM tracking_session WHERE n_traces = 4 AND session_id LIKE 'sess-%%'"
    " ORDER BY session_id LIMIT 1"
)
SPAN = (
    "SELECT trace_id, span_id FROM tracking_event WHERE session_own = %s AND parent_span_id <> ''"
    " ORDER BY occurred_at LIMIT 1"
)
# What people do with a page beyond opening it.
VARIANTS = {
    "/": ("?range=30d", "?environment=production"),
    "/usage/": ("?range=30d", "?range=1h"),
    "/sessions/": ("?range=30d", "?range=30d&sort=-cost", "?range=30d&model=gpt-4o&status=error"),
    "/traces/": ("?range=30d", "?range=30d&sort=-duration", "?range=30d&prompt=route-intent"),
}
EXAMPLE = "prompt-tone"  # an experiment of the corpus, and a prompt that ``pages`` makes
# What cannot be read without saying more.
REQUIRED = {
    f"/p/{SLUG}/prompts/{EXAMPLE}/diff/": ("?a=1&b=2",),
    f"/p/{SLUG}/send/arrivals/": (f"?since={int(time.time())}&base=0.0.0.0&seen=0.0.0.0",),
    "/api/v1/series": ("?metric=cost&interval=hour&group_by=model&range=7d", "?metric=latency_p95"),
}


class Count:
    """Statements, those of psycopg's own cursors too, which Django does not see."""

    def __init__(self) -> None:
        self.total = 0
        for name in ("execute", "executemany", "copy"):
            self._wrap(name, getattr(psycopg.Cursor, name))

    def _wrap(self, name: str, plain: Any) -> None:
        def counted(*args: Any, **options: Any) -> Any:
            self.total += 1
            return plain(*args, **options)

        setattr(psycopg.Cursor, name, counted)


def samples() -> dict[str, str]:
    """An example for each name that occurs in a route."""
    with connection.cursor() as cursor:
        cursor.execute(SESSION)
        (session_id,) = cursor.fetchone() or ("none",)
        cursor.execute(SPAN, [session_id])
        trace_id, span_id = cursor.fetchone() or ("none", "none")
    ids = {"session_id": session_id, "trace_id": trace_id, "span_id": span_id}
    return {**ids, "slug": SLUG, "key": EXAMPLE}


def addresses(examples: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Routes that only read, and each with its examples filled in; "" when there is none."""
    for route in all_routes():
        if NOT_READ.search(route):
            continue
        filled = re.sub(
            r"\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)", lambda m: examples.get(m[1], "\0"), route
        )
        filled = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: examples.get(m[1], "\0"), filled)
        path = "/" + re.sub(r"\\Z|/\?", "", filled)
        yield route, "" if "\0" in path else path


def variants(path: str) -> tuple[str, ...]:
    inner = path.removeprefix(f"/p/{SLUG}")
    found = VARIANTS.get(inner, ()) if inner != path else ()
    return (*REQUIRED.get(path, ("",)), *found)


def readable(route: str) -> str:
    """/api/v1/traces/<trace_id> of the expression that a route is."""
    named = re.sub(r"\(\?P(<\w+>)(?:[^()]|\([^()]*\))*\)", r"\1", route)
    return "/" + re.sub(r"\\Z|/\?$", "", re.sub(r"<\w+:(\w+)>", r"<\1>", named))


def measure(client: Client, count: Count, address: str, *, repeats: int) -> dict[str, Any]:
    client.get(address)  # imports, templates, plans
    times, n_statements, response = [], 0, None
    for _ in range(repeats):
        before, began = count.total, time.perf_counter()
        response = client.get(address)
        times.append((time.perf_counter() - began) * 1e3)
        n_statements = count.total - before
    assert response is not None
    return {
        "address": address,
        "status": response.status_code,
        "best_ms": round(min(times), 2),
        "median_ms": round(statistics.median(times), 2),
        "statements": n_statements,
    }


def main(repeats: int) -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    django.setup()
    person = Client(raise_request_exception=False, SERVER_NAME="localhost")
    person.force_login(get_user_model().objects.get(username="admin"))
    program = Client(
        raise_request_exception=False,
        SERVER_NAME="localhost",
        headers={"authorization": f"Bearer {KEY}"},
    )
    count, costs, skipped = Count(), [], []
    for route, path in addresses(samples()):
        if not path:
            skipped.append(route)
            continue
        client = program if path.startswith("/api/") else person
        for query in variants(path):
            found = measure(client, count, path + query, repeats=repeats)
            if found["status"] != 405:  # a door for POST alone
                costs.append({**found, "route": readable(route) + query})
    print(json.dumps({"costs": costs, "skipped": skipped}))


if __name__ == "__main__":
    main(int(sys.argv[1]))

"""Requests to an installation, with how long their answers took."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator

from tests.benchmarks.installation import Installation
from tests.benchmarks.load import JSON

Answer = tuple[int, str | None, str, float]  # status, Retry-After, body, seconds


def ask(
    installation: Installation, method: str, path: str, body: bytes = b"", *, cookie: str = ""
) -> Answer:
    connection = installation.connect()
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {connection.key}", "Cookie": cookie, **JSON}
    connection.http.request(method, path, body, headers)
    response = connection.http.getresponse()
    text = response.read().decode()
    connection.close()
    return response.status, response.headers["Retry-After"], text, time.monotonic() - began


def ask_at_once(installation: Installation, calls: list[tuple[str, str, bytes]]) -> list[Answer]:
    answers: list[Answer] = []
    threads = [
        threading.Thread(target=lambda call=call: answers.append(ask(installation, *call)))
        for call in calls
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def event(name: str) -> tuple[str, str, bytes]:
    item = {"type": "kept", "id": name, "timestamp": "2026-11-01T00:00:00Z", "data": {}}
    return "POST", "/api/v1/events", json.dumps(item).encode()


def stored(installation: Installation) -> dict[str, int]:
    status = installation.wait_drained()
    return {name: status[name] for name in ("stored_events", "quarantined", "rejected_events")}


@contextlib.contextmanager
def slow(installation: Installation, seconds: float) -> Iterator[None]:
    with installation.database() as connection:
        connection.execute(
            "CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS"
            f" $$ BEGIN PERFORM pg_sleep({seconds}); RETURN NEW; END $$"
        )
        connection.execute(
            "CREATE TRIGGER slow BEFORE INSERT ON tracking_inboxbatch"
            " FOR EACH ROW EXECUTE FUNCTION take_long()"
        )
        try:
            yield
        finally:
            connection.execute("DROP TRIGGER slow ON tracking_inboxbatch")
            connection.execute("DROP FUNCTION take_long")

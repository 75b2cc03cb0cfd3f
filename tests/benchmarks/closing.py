"""Whether the ledger closes: a stream of all formats with 5 % poison and 20 % sent again."""

import datetime
import threading
import time
from collections.abc import Iterator

from tests.benchmarks.installation import ServeError
from tests.benchmarks.load import RETRIED, Failure
from tests.benchmarks.mixed import REFUSE_UNSTORABLE, Mix, Request
from tests.benchmarks.results import Row, at_least, at_most
from tests.benchmarks.run import Run

LARGE, QUICK = 1_000_000, 20_000
SEED, CONNECTIONS, MAX_TRIES = 7, 3, 50
FATES = ("stored", "duplicate", "rejected", "quarantined")


def ledger(run: Run) -> list[Row]:
    """A million items with ``--full``, 20,000 with ``--quick``, 100,000 otherwise."""
    n_items = LARGE if run.is_full else QUICK if run.is_quick else run.n_spans
    run.installation.wait_drained()
    with run.installation.database() as connection:
        connection.execute(REFUSE_UNSTORABLE)
    before = _fates(run)
    mix = Mix(n_items, seed=SEED, end=datetime.datetime.now(datetime.UTC))
    began = time.perf_counter()
    _post(run, mix)
    run.installation.wait_drained(seconds=3600)
    seconds = time.perf_counter() - began
    found = {fate: n - before[fate] for fate, n in _fates(run).items()}
    run.notes["ledger"] = {"due": dict(mix.due), "found": found, "seconds": seconds}
    differences = sum(abs(found[fate] - mix.due[fate]) for fate in FATES)
    unaccounted = abs(mix.due["sent"] - sum(found.values()))
    return [
        Row("ledger", "items sent", mix.due["sent"], "", at_least(n_items * 0.99)),
        Row("ledger", "unaccounted for", unaccounted, "", at_most(0)),
        Row("ledger", "with another fate than due", differences, "", at_most(0)),
        *(Row("ledger", f"  {fate}", found[fate]) for fate in FATES),
        Row("ledger", "sent and digested", mix.due["sent"] / seconds, "/s"),
    ]


def _fates(run: Run) -> dict[str, int]:
    status = run.installation.status()
    names = ("stored_events", "duplicate_events", "rejected_events", "quarantined")
    return {fate: int(status[name]) for fate, name in zip(FATES, names, strict=True)}


def _post(run: Run, mix: Mix) -> None:
    """Over a few connections; making the requests is part of it, so this is no measure of speed."""
    requests, lock, errors = mix.requests(), threading.Lock(), list[Exception]()

    def work() -> None:
        connection = run.installation.connect()
        try:
            while not errors and (request := _next(requests, lock)) is not None:
                _deliver(connection, request)
        except Exception as error:  # shown by the thread that waits
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise ServeError(f"a request was not delivered: {errors[0]}")


def _next(requests: Iterator[Request], lock: threading.Lock) -> Request | None:
    with lock:
        return next(requests, None)


def _deliver(connection, request: Request) -> None:
    """Send until it is answered; a request that was committed twice would show as duplicates."""
    for _ in range(MAX_TRIES):
        try:
            headers = {"Content-Type": request.content_type}
            status, body = connection.send("POST", request.path, request.body, headers)
        except Failure as error:
            raise ServeError(f"no answer, so its fate is unknown: {error}") from error
        if 200 <= status < 300:
            return
        if status not in RETRIED:
            raise ServeError(f"{request.path}: {status} {body[:300]!r}")
        time.sleep(1.0)
    raise ServeError(f"{request.path}: not taken after {MAX_TRIES} tries")

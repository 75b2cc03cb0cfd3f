"""granian's worker process with a Receiver instead of an event loop.

granian offers WSGI, whose threads wait for bodies without a limit, and its maintainer wants no time
limit there (its issue 728); or RSGI on an asyncio loop, where each request crosses three threads:
0.1 to 0.25 ms of CPU. This is RSGI whose callbacks run in the thread that granian calls them from.
What it uses of granian beside its interface is pinned by requirements.txt and held by
tests/core/serving.
"""

import logging
import threading
from collections.abc import Callable
from typing import Any

from granian._granian import CallbackScheduler, RSGIWorker
from granian._signals import set_sync_signals
from granian.server.mp import WorkerProcess

from core.serving.receiving import Receiver, Watcher

logger = logging.getLogger(__name__)


class NoLoop:
    """Stands where granian expects an event loop: what is to run soon runs here and now."""

    def call_soon(
        self, callback: Callable[..., object], *arguments: Any, context: Any = None
    ) -> None:
        try:
            callback(*arguments)
        except Exception:
            logger.exception("A request was lost")

    call_soon_threadsafe = call_soon


class DirectScheduler(CallbackScheduler):
    _schedule_fn: Callable[[Watcher], None]

    def __init__(self, loop: NoLoop, *_: object) -> None:
        super().__init__()


def worker_target(n_threads: int) -> Callable[..., None]:
    """What ``Server.serve`` runs in each worker process (``spawn_target``); the target loader gives
    it a Receiver."""

    def serve(
        worker_id: int, receiver: Receiver, sock: Any, ipc: Any, loop: Any, *rest: Any
    ) -> None:
        loop.close()  # made by granian's wrapper
        # As granian.server.mp names them: here are those that RSGIWorker takes.
        _, runtime_threads, io_threads, _, idle_seconds, backpressure, _, *http = rest
        http_mode, http1, http2, websockets, static_path, _, ssl_options, _, metrics = http
        is_over = threading.Event()
        shutdown = set_sync_signals()  # type: ignore[no-untyped-call]
        shutdown.add_cb(is_over.set)
        threads = (runtime_threads, io_threads, n_threads, idle_seconds, backpressure)
        options = (http_mode, http1, http2, websockets, static_path, *ssl_options, metrics)
        worker = RSGIWorker(worker_id, sock, ipc, *threads, *options)
        here = NoLoop()
        scheduler = DirectScheduler(here, receiver.take, None, None, None)
        scheduler._schedule_fn = receiver.take
        receiver.clock.start()
        worker.serve_mtr(  # type: ignore[attr-defined] # absent from granian's stubs
            scheduler, here, shutdown
        )
        is_over.wait()

    target: Callable[..., None] = WorkerProcess.wrap_target(serve)  # type: ignore[no-untyped-call]
    return target

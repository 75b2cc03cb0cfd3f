"""Receives requests for the application, and their bodies first: no thread waits for a sender.

granian's side (RSGI) gives a future for a body, or for its next piece, and calls back in one of its
threads; the application then runs in that thread. So a thread is taken only while there is
something to do, and however many clients send slowly, pages answer.
"""

import io
import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from core.serving import pacing
from core.serving.answering import Application, Exchange, answer, refused
from core.serving.bodies import Body, DrainedBody, LongBody, PromisedBody, ShortBody
from core.serving.environ import Environ, Scope, environ_of
from core.serving.pacing import Refusal

TICK_SECONDS = 0.25
MIB = 1024 * 1024
WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "DELETE"})

logger = logging.getLogger(__name__)


class Watcher(Protocol):
    """What granian hands over for each request."""

    scope: Scope
    proto: Exchange


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one web process, in bytes. All long bodies on their way stay in memory up to a sum, go to
    files beyond it, and are refused beyond another."""

    body: int
    n_threads: int
    folder: Path | None = None
    in_memory: int = 64 * MIB
    at_once: int = 512 * MIB


class Receiver:
    """The requests of one process."""

    def __init__(
        self, application: Application, limits: Limits, is_known: Callable[[Environ], bool]
    ) -> None:
        """``is_known`` tells whether a long body is worth receiving, by the headers."""
        self.application, self.limits, self.is_known = application, limits, is_known
        self.room = Room(limits)
        self.clock = Clock(limits.n_threads)

    def take(self, watcher: Watcher) -> None:
        """granian calls it in one of its threads, for each request. Never raises."""
        exchange = watcher.proto
        try:
            self._take(watcher.scope, exchange)
        except Exception:
            logger.exception("A request was not received")
            exchange.response_empty(500, [])

    def _take(self, scope: Scope, exchange: Exchange) -> None:
        headers = scope.headers
        environ = environ_of(scope, headers)
        said = headers.get("content-length")
        if said is not None and said != "0":
            length = int(said)
            if length <= pacing.SHORT:
                ShortBody(self, environ, exchange, length).begin()
            else:
                self._take_long(environ, exchange, length)
        elif said is None and ("transfer-encoding" in headers or may_have_body(scope)):
            LongBody(self, environ, exchange, None).begin()
        else:
            self.run(environ, io.BytesIO(), exchange)

    def _take_long(self, environ: Environ, exchange: Exchange, length: int) -> None:
        if length > self.limits.body:
            self._turn_away(environ, exchange, pacing.too_long(self.limits.body, declared=length))
        elif not self.is_known(environ):
            self._turn_away(environ, exchange, pacing.unknown_sender())
        elif length <= pacing.IN_ONE_PIECE and self.room.take_whole(length):
            PromisedBody(self, environ, exchange, length).begin()
        else:
            LongBody(self, environ, exchange, length).begin()

    def _turn_away(self, environ: Environ, exchange: Exchange, refusal: Refusal) -> None:
        self.refuse(environ, exchange, refusal)
        # Who asked first (RFC 9110 § 10.1.1) sends nothing.
        if "HTTP_EXPECT" not in environ:
            DrainedBody(self, environ, exchange, None).begin()

    def run(self, environ: Environ, body: IO[bytes], exchange: Exchange) -> None:
        environ["wsgi.input"] = body
        with self.clock.at_work():
            answer(self.application, environ, exchange)

    def refuse(self, environ: Environ, exchange: Exchange, refusal: Refusal) -> None:
        with self.clock.at_work():
            answer(self.application, refused(environ, refusal), exchange)


def may_have_body(scope: Scope) -> bool:
    """In HTTP/2 nothing marks a body without a length."""
    return scope.http_version.startswith("2") and scope.method not in WITHOUT_BODY


class Room:
    """How many bytes of long bodies are here, and how many of them in memory."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.received = self.in_memory = 0
        self._lock = threading.Lock()

    def take(self, n_bytes: int) -> bool:
        with self._lock:
            if self.received + n_bytes > self.limits.at_once:
                return False
            self.received += n_bytes
            return True

    def take_memory(self, n_bytes: int) -> bool:
        with self._lock:
            if self.in_memory + n_bytes > self.limits.in_memory:
                return False
            self.in_memory += n_bytes
            return True

    def take_whole(self, n_bytes: int) -> bool:
        """Both, or neither."""
        if not self.take_memory(n_bytes):
            return False
        if self.take(n_bytes):
            return True
        self.give_back(0, n_bytes)
        return False

    def give_back(self, n_bytes: int, n_in_memory: int) -> None:
        with self._lock:
            self.received -= n_bytes
            self.in_memory -= n_in_memory


class Clock:
    """Ends the bodies that take too long. It stands still while every thread is at work: who waits
    for one of ours is not slow."""

    def __init__(self, n_threads: int) -> None:
        self.n_threads = n_threads
        self.now = 0.0
        self._bodies: set[Body] = set()
        self._work: set[int] = set()
        self._numbers = itertools.count()
        self._is_wanted = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="uploads", daemon=True).start()

    def at_work(self) -> "Work":
        return Work(self._work, next(self._numbers))

    def add(self, body: Body) -> None:
        self._bodies.add(body)
        if not self._is_wanted.is_set():
            self._is_wanted.set()

    def remove(self, body: Body) -> None:
        self._bodies.discard(body)

    def _run(self) -> None:
        while True:
            self._is_wanted.wait()
            self._is_wanted.clear()
            while self._bodies:
                time.sleep(TICK_SECONDS)
                self.tick(TICK_SECONDS)

    def tick(self, seconds: float) -> None:
        if len(self._work) < self.n_threads:
            self.now += seconds
        for body in list(self._bodies):  # others add and remove meanwhile
            if self.now - body.began > body.seconds:
                body.end_late()


class Work:
    """A request that keeps a thread busy."""

    __slots__ = ("at_work", "number")

    def __init__(self, at_work: set[int], number: int) -> None:
        self.at_work, self.number = at_work, number

    def __enter__(self) -> None:
        self.at_work.add(self.number)

    def __exit__(self, *_: object) -> None:
        self.at_work.discard(self.number)

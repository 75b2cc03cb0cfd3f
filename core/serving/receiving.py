"""Receives requests for the application, and their bodies first: no thread waits for a sender.

A server that gives a thread to each request for as long as its body takes is stopped by as many
clients as it has threads. granian's WSGI does so, and its maintainer wants no time limit there (its
issue 728). So bodies are received on an event loop (RSGI), and the application runs, in one of a
few threads, when they are here.
"""

import asyncio
import contextlib
import io
import logging
import signal
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

from core.serving import pacing
from core.serving.answering import Application, Exchange, answer
from core.serving.bodies import Limits, LongBody, Room
from core.serving.environ import Environ, Headers, Scope, environ_of
from core.serving.pacing import RefusedError

DRAINED_BYTES, DRAINED_SECONDS = 4 * 1024 * 1024, 5.0
STOP_PATIENCE = 0.6  # seconds of the one that a process has to stop (core.embedded.web)

logger = logging.getLogger(__name__)


class Receiver:
    """The requests of one process."""

    def __init__(
        self, application: Application, limits: Limits, is_known: Callable[[Environ], bool]
    ) -> None:
        """``is_known`` tells whether a long body is worth receiving, by the headers."""
        self.application, self.limits, self.is_known = application, limits, is_known
        self.room = Room(limits)
        self.threads = ThreadPoolExecutor(limits.n_threads, thread_name_prefix="request")
        self.unanswered: dict[int, tuple[Environ, Exchange]] = {}

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """granian calls this in each process, when its own handlers of signals are there."""

        def begin_to_stop() -> None:
            loop.call_later(STOP_PATIENCE, self._refuse_unanswered)

        call_also(signal.SIGTERM, lambda: loop.call_soon_threadsafe(begin_to_stop))

    def _refuse_unanswered(self) -> None:
        """granian takes no more connections, and waits for the requests that are here until its
        main process kills this one: they would end without an answer. Their threads may go on to
        the end; of two answers the first is sent."""
        threads = ThreadPoolExecutor(1, thread_name_prefix="refusal")  # all others may wait
        for environ, exchange in list(self.unanswered.values()):
            refused = {**environ, pacing.REFUSAL: pacing.stopping(), "wsgi.input": io.BytesIO()}
            threads.submit(answer, self.application, refused, exchange)

    async def __rsgi__(self, scope: Scope, exchange: Exchange) -> None:
        try:
            await self._take(scope, exchange)
        except Exception:
            logger.exception("A request was not received")
            exchange.response_empty(500, [])

    async def _take(self, scope: Scope, exchange: Exchange) -> None:
        headers = scope.headers
        environ = environ_of(scope, headers)
        self.unanswered[id(environ)] = environ, exchange
        try:
            await self._answer(environ, headers, exchange)
        finally:
            del self.unanswered[id(environ)]

    async def _answer(self, environ: Environ, headers: Headers, exchange: Exchange) -> None:
        said = headers.get("content-length")
        length = None if said is None else int(said)
        if length == 0 or (length is None and "transfer-encoding" not in headers):
            await self._run(environ, io.BytesIO(), exchange)
        elif length is not None and length <= pacing.SHORT and self.room.has_memory(length):
            with self.room.taken(length):
                await self._take_short(environ, exchange, length)
        else:
            await self._take_long(environ, exchange, length)

    async def _take_short(self, environ: Environ, exchange: Exchange, length: int) -> None:
        try:
            async with asyncio.timeout(pacing.seconds_for(length)):
                whole = await exchange()
        except TimeoutError:
            await self._refuse(environ, exchange, pacing.too_slow())
        except RuntimeError:  # granian's RSGIProtocolClosed
            await self._refuse(environ, exchange, pacing.cut_off(length))
        else:
            await self._run(environ, io.BytesIO(whole), exchange)

    async def _take_long(self, environ: Environ, exchange: Exchange, length: int | None) -> None:
        body, pieces = LongBody(self.room), pieces_of(exchange)
        try:
            if length is not None and length > pacing.SHORT:
                await self._admit(environ, length)
            await self._receive(environ, body, pieces, length)
        except RefusedError as error:
            body.close()
            await self._refuse(environ, exchange, error.refusal)
            # Who asked first (RFC 9110 § 10.1.1) sends nothing.
            if error.refusal.may_go_on and "HTTP_EXPECT" not in environ:
                await drain(pieces)
        else:
            # The application sees a body with a length, however it was sent.
            environ["CONTENT_LENGTH"] = str(body.n_bytes)
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            body.file.seek(0)
            await self._run(environ, body.file, exchange)
        finally:
            body.close()

    async def _admit(self, environ: Environ, n_bytes: int) -> None:
        if n_bytes > self.limits.body:
            raise RefusedError(pacing.too_long(self.limits.body, declared=n_bytes))
        if not await self._in_thread(self.is_known, environ):
            raise RefusedError(pacing.unknown_sender())

    async def _receive(
        self, environ: Environ, body: LongBody, pieces: AsyncIterator[bytes], length: int | None
    ) -> None:
        """granian 2.8: an empty piece is the end. A broken connection, or trailers, is an empty
        piece before it."""
        is_admitted, is_ended = length is not None, False
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(pacing.seconds_for(0)) as limit:
                async for piece in pieces:
                    if is_ended:
                        raise RefusedError(pacing.cut_off(length))
                    is_ended = not piece
                    body.add(piece)
                    if not is_admitted and body.n_bytes > pacing.SHORT:
                        is_admitted = True
                        await self._admit(environ, body.n_bytes)
                    limit.reschedule(began + pacing.seconds_for(body.n_bytes))
        except TimeoutError:
            raise RefusedError(pacing.too_slow()) from None

    async def _run(self, environ: Environ, body: IO[bytes], exchange: Exchange) -> None:
        environ["wsgi.input"] = body
        await self._in_thread(answer, self.application, environ, exchange)

    async def _refuse(self, environ: Environ, exchange: Exchange, refusal: pacing.Refusal) -> None:
        environ[pacing.REFUSAL] = refusal
        await self._run(environ, io.BytesIO(), exchange)

    def _in_thread(self, call: Callable[..., Any], *arguments: object) -> asyncio.Future[Any]:
        return asyncio.get_running_loop().run_in_executor(self.threads, call, *arguments)


async def pieces_of(exchange: Exchange) -> AsyncIterator[bytes]:
    """granian lets its own iterator be asked for once; this one is left off and taken up again."""
    async for piece in exchange:
        yield piece


async def drain(pieces: AsyncIterator[bytes]) -> None:
    """Read what still comes of a request that is answered: a connection closed before is reset, and
    its client may never see the answer."""
    n_bytes = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_SECONDS):
            async for piece in pieces:
                n_bytes += len(piece)
                if n_bytes > DRAINED_BYTES:
                    return


def call_also(number: signal.Signals, call: Callable[[], object]) -> None:
    """At a signal, beside the handler of an event loop: that is told of it through a descriptor,
    whatever Python's own handler does (signal.set_wakeup_fd)."""
    signal.signal(number, lambda *_: call())
    signal.siginterrupt(number, False)  # as the loop had it

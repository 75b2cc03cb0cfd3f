"""Bodies on their way. Each is a chain of callbacks: granian calls when its next piece is here."""

import asyncio
import io
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from core.serving import pacing
from core.serving.answering import Exchange
from core.serving.environ import Environ
from core.serving.pacing import Refusal

if TYPE_CHECKING:
    from core.serving.receiving import Receiver

DRAINED_BYTES, DRAINED_SECONDS = 4 * 1024 * 1024, 5.0

Future = Any  # granian's: add_done_callback, result, done, cancel


class Body:
    """What is waited for. One thread at a time works on it: the one that ends its future, by a
    result or by cancelling, which happens once.

    The future knows the body, as its callback, and is none of what Python's collector can look
    into: a body that kept it would never be freed, nor its connection be closed.
    """

    __slots__ = ("began", "environ", "exchange", "future", "length", "receiver", "seconds")

    def __init__(
        self, receiver: "Receiver", environ: Environ, exchange: Exchange, length: int | None
    ) -> None:
        self.receiver, self.environ, self.exchange = receiver, environ, exchange
        self.length = length
        self.began = receiver.clock.now
        self.seconds = pacing.seconds_for(length or 0)
        self.future: Future = None

    def end_late(self) -> None:
        """Calls back, unless what was waited for came meanwhile."""
        future = self.future
        if future is not None:
            future.cancel()

    def refuse(self, refusal: Refusal) -> None:
        self.receiver.refuse(self.environ, self.exchange, refusal)


class ShortBody(Body):
    """Received in one piece, by granian."""

    __slots__ = ()

    def begin(self) -> None:
        self.future = self.exchange()
        self.receiver.clock.add(self)
        self.future.add_done_callback(self.finish, context=None)

    def finish(self, future: Future) -> None:
        self.future = None
        self.receiver.clock.remove(self)
        try:
            whole = future.result()
        except asyncio.CancelledError:
            self.refuse(pacing.too_slow())
        except RuntimeError as error:  # granian's RSGIProtocolClosed
            error.__traceback__ = None  # the future keeps the error, and so this frame and itself
            self.refuse(pacing.cut_off(self.length))
        else:
            self.receiver.run(self.environ, io.BytesIO(whole), self.exchange)


class PromisedBody(ShortBody):
    """Longer, so that memory is kept for it."""

    __slots__ = ()

    def finish(self, future: Future) -> None:
        try:
            super().finish(future)
        finally:
            self.receiver.room.give_back(self.length or 0, self.length or 0)


class BodyInPieces(Body):
    """Each piece is asked for when the one before was taken, so that the connection waits."""

    __slots__ = ("is_ended", "n_bytes", "n_pieces", "pieces")

    def begin(self) -> None:
        self.follow(self.exchange.__aiter__())

    def follow(self, pieces: Any) -> None:  # Any: granian's iterator
        self.pieces = pieces
        self.n_bytes = self.n_pieces = 0
        self.is_ended = False
        self.receiver.clock.add(self)
        self.go_on()

    def go_on(self) -> None:
        """Take what is here, then wait for more."""
        while (future := self._next()) is not None:
            self.future = future
            if not future.done():
                future.add_done_callback(self.take_up, context=None)
                return
            if not self._take(future):
                return

    def take_up(self, future: Future) -> None:
        if self._take(future):
            self.go_on()

    def _next(self) -> Future:
        """None, and all is told, at the end.

        granian 2.8: an empty piece is the end. A broken connection is an empty piece before it, and
        so are trailers, and an empty frame of HTTP/2.
        """
        try:
            future = self.pieces.__anext__()
        except StopAsyncIteration:
            self.receiver.clock.remove(self)
            self.finish()
            return None
        if self.is_ended:
            self.receiver.clock.remove(self)
            self.fail(self._doubt())
            return None
        return future

    def _doubt(self) -> Refusal:
        is_framed = self.length is None and self.environ["SERVER_PROTOCOL"].startswith("HTTP/2")
        return pacing.length_required() if is_framed else pacing.cut_off(self.length)

    def _take(self, future: Future) -> bool:
        """Whether to go on."""
        self.future = None
        try:
            piece = future.result()
        except asyncio.CancelledError:
            self.receiver.clock.remove(self)
            self.fail(pacing.too_slow())
            return False
        self.n_pieces += 1
        self.n_bytes += len(piece)
        self.is_ended = not piece
        return self.keep(piece)

    def keep(self, piece: bytes) -> bool:
        raise NotImplementedError

    def finish(self) -> None:
        raise NotImplementedError

    def fail(self, refusal: Refusal) -> None:
        raise NotImplementedError


class LongBody(BodyInPieces):
    """Kept in memory, or in a file when there is no room; then the application runs."""

    __slots__ = ("is_asked", "n_in_memory", "n_taken", "whole")

    def begin(self) -> None:
        self.is_asked = self.length is not None  # who declared its length was asked before
        self.whole: IO[bytes] = io.BytesIO()
        self.n_taken = self.n_in_memory = 0
        self.seconds = pacing.seconds_for(0)
        super().begin()

    def keep(self, piece: bytes) -> bool:
        refusal = self._refusal_of(len(piece))
        if refusal is not None:
            self._turn_away(refusal)
            return False
        self._store(piece)
        self.seconds = pacing.seconds_for(self.n_bytes)
        return True

    def _refusal_of(self, n_more: int) -> Refusal | None:
        receiver = self.receiver
        if self.n_bytes > receiver.limits.body:
            return pacing.too_long(receiver.limits.body)
        if pacing.is_crumbled(self.n_bytes, self.n_pieces):
            return pacing.too_many_chunks()
        if not self.is_asked and self.n_bytes > pacing.SHORT:
            self.is_asked = True
            if not receiver.is_known(self.environ):
                return pacing.unknown_sender()
        if not receiver.room.take(n_more):
            return pacing.too_much_at_once()
        self.n_taken += n_more
        return None

    def _store(self, piece: bytes) -> None:
        if isinstance(self.whole, io.BytesIO):
            if self.receiver.room.take_memory(len(piece)):
                self.n_in_memory += len(piece)
            else:
                self._move_to_file(self.whole, self.receiver.limits.folder)
        self.whole.write(piece)

    def _move_to_file(self, held: io.BytesIO, folder: Path | None) -> None:
        self.whole = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 -- lives as long as the body
        self.whole.write(held.getbuffer())
        self.receiver.room.give_back(0, self.n_in_memory)
        self.n_in_memory = 0

    def _turn_away(self, refusal: Refusal) -> None:
        self.receiver.clock.remove(self)
        self._let_go()
        self.refuse(refusal)
        drained = DrainedBody(self.receiver, self.environ, self.exchange, None)
        drained.follow(self.pieces)

    def _let_go(self) -> None:
        self.whole.close()
        self.receiver.room.give_back(self.n_taken, self.n_in_memory)
        self.n_taken = self.n_in_memory = 0

    def finish(self) -> None:
        # The application sees a body with a length, however it was sent.
        self.environ["CONTENT_LENGTH"] = str(self.n_bytes)
        self.environ.pop("HTTP_TRANSFER_ENCODING", None)
        self.whole.seek(0)
        try:
            self.receiver.run(self.environ, self.whole, self.exchange)
        finally:
            self._let_go()

    def fail(self, refusal: Refusal) -> None:
        self._let_go()
        self.refuse(refusal)


class DrainedBody(BodyInPieces):
    """What still comes of a request that is answered already: a connection closed before is reset,
    and its client may never see the answer."""

    __slots__ = ()

    def follow(self, pieces: Any) -> None:
        self.seconds = DRAINED_SECONDS
        super().follow(pieces)

    def keep(self, piece: bytes) -> bool:
        is_enough = self.n_bytes > DRAINED_BYTES
        if is_enough:
            self.receiver.clock.remove(self)
        return not is_enough

    def finish(self) -> None:
        pass

    def fail(self, refusal: Refusal) -> None:
        pass

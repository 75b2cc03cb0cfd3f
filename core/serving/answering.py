"""Runs the application on a request whose body is here, and sends what it answers."""

import io
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol

from core.serving.environ import Environ
from core.serving.pacing import REFUSAL

logger = logging.getLogger(__name__)

HeaderList = list[tuple[str, str]]
Application = Callable[[Environ, Any], Any]  # WSGI


class Exchange(Protocol):
    """granian's side of one request, RSGI 1.x."""

    def __call__(self) -> Any: ...  # Any: granian's futures
    def __aiter__(self) -> Any: ...
    def response_empty(self, status: int, headers: HeaderList) -> None: ...
    def response_bytes(self, status: int, headers: HeaderList, body: bytes) -> None: ...
    def response_file(self, status: int, headers: HeaderList, file: str) -> None: ...


class SentFile:
    """``wsgi.file_wrapper``: granian sends a file by itself, for as long as its reader takes."""

    def __init__(self, file: IO[bytes], size: int = 8192) -> None:
        self.file, self.size = file, size

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.file.read(self.size), b"")

    def close(self) -> None:
        self.file.close()

    @property
    def path(self) -> str | None:
        """Of a file that is sent from its beginning to its end."""
        is_plain = isinstance(self.file, io.BufferedReader) and isinstance(self.file.name, str)
        return self.file.name if is_plain and self.file.tell() == 0 else None


class Answer:
    """``start_response`` of one request."""

    __slots__ = ("headers", "status")

    def __init__(self) -> None:
        self.status = 500
        self.headers: HeaderList = []

    def __call__(self, status: str, headers: HeaderList, exc_info: object = None) -> None:
        self.status, self.headers = int(status[:3]), headers


def answer(application: Application, environ: Environ, exchange: Exchange) -> None:
    """Never raises: what the application does not answer is a 500.

    An answer is gathered before it is sent: a client that reads slowly keeps no thread waiting. All
    that was made for the request is given up before, too: the client's next one would meet a thread
    that still holds the interpreter's lock for that.
    """
    environ["wsgi.file_wrapper"] = SentFile
    start = Answer()
    try:
        body = gather(application(environ, start))
    except Exception:
        logger.exception("A request was not answered")
        exchange.response_empty(500, [])
        return
    headers = [*start.headers, ("connection", "close")] if REFUSAL in environ else start.headers
    if isinstance(body, bytes):
        exchange.response_bytes(start.status, headers, body)
    else:
        exchange.response_file(start.status, headers, str(body))


def gather(parts: Any) -> bytes | Path:
    """The body, or the file that is."""
    try:
        if isinstance(parts, SentFile) and parts.path is not None:
            return Path(parts.path)
        return b"".join(parts)
    finally:
        close = getattr(parts, "close", None)
        if close is not None:
            close()

"""Requests to addresses that a user named: to the IP that was checked, once, within a time.

Without Django.
"""

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from core.addresses import Target

MAX_ANSWER = 1_000  # bytes of an answer that are looked at


class SendError(Exception):
    """There was no answer, and why."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str  # its beginning


def resolve_name(host: str, port: int) -> list[str]:
    """All addresses of a name; one of the two families may be missing here. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in sorted(found, key=lambda each: each[0])]


def post(target: Target, body: bytes, headers: Mapping[str, str], *, seconds: float) -> Answer:
    """Send a POST and read the beginning of its answer; redirects are answers, not followed.

    Raises SendError, after ``seconds`` at the latest.
    """
    connection = _CheckedConnection(target, until=time.monotonic() + seconds)
    watchdog = threading.Timer(seconds, connection.cut)  # a timeout of sockets is one of each read
    watchdog.daemon = True
    watchdog.start()
    try:
        connection.request(
            "POST",
            target.place.path,
            body,
            {"Host": target.place.authority, "Connection": "close", **headers},
        )
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(MAX_ANSWER).decode("utf-8", "replace"))
    except TimeoutError as error:
        raise SendError(f"No answer within {seconds:g} s.") from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        if connection.was_cut:
            raise SendError(f"No answer within {seconds:g} s.") from error
        raise SendError(_describe(error)) from error
    finally:
        watchdog.cancel()
        connection.close()


def _describe(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"Its certificate is not trusted: {error.verify_message}."
    said = getattr(error, "strerror", None) or str(error)
    return f"{type(error).__name__}: {said}"[:300]


class _CheckedConnection(http.client.HTTPConnection):
    """Connects to the checked address; name and certificate are those of the host asked for."""

    was_cut = False

    def __init__(self, target: Target, *, until: float) -> None:
        super().__init__(target.place.host, target.place.port)
        self.target, self.until = target, until

    def connect(self) -> None:
        left = max(0.1, self.until - time.monotonic())
        place = self.target.place
        self.sock = socket.create_connection((self.target.address, place.port), timeout=left)
        if place.scheme == "https":
            context = ssl.create_default_context()
            self.sock = context.wrap_socket(self.sock, server_hostname=place.host)

    def cut(self) -> None:
        self.was_cut = True
        if self.sock is not None:
            with contextlib.suppress(OSError):
                # Not SSLSocket's own, which would take its state away under a read.
                socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

"""Requests as bytes on a socket: sent in parts, cut, too slow."""

import contextlib
import http.client
import socket
import time

SECONDS = 60.0


class Line:
    """One connection."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def begin(self, path, *headers, method="POST", **more):
        lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *headers]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in more.items()]
        self.send("\r\n".join([*lines, "", ""]).encode())

    def answer(self):
        """The status, the headers and the body of the next answer."""
        response = http.client.HTTPResponse(self.socket)
        response.begin()
        body = response.read()
        return response.status, response.headers, body

    def is_closed(self, seconds=SECONDS):
        """Whether the server ends the connection within these seconds."""
        self.socket.settimeout(seconds)
        with contextlib.suppress(ConnectionError):
            return self.socket.recv(1) == b""
        return True

    def trickle(self, byte=b" ", *, pause=1.0, until):
        """Send a byte at a time until an answer begins to come."""
        self.socket.settimeout(pause)
        while time.monotonic() < until:
            with contextlib.suppress(TimeoutError):
                self.socket.recv(1, socket.MSG_PEEK)
                break
            self.socket.send(byte)
        self.socket.settimeout(SECONDS)


def chunk(data):
    return f"{len(data):x}\r\n".encode() + data + b"\r\n"


END = b"0\r\n\r\n"

"""OpenAI and Anthropic as a small local server, for real clients that must call somebody.

Answers are the same whatever is asked: a tool on offer is called once, then the text follows. A
model named ``error-429`` or ``error-500`` fails with that status. ``requests`` keeps what was
asked.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from tests.contract import fake_anthropic, fake_openai

FIRST_CHUNK_SECONDS = 0.03
"""Before the first frame of a stream: something to measure."""

PLAIN = {
    "/v1/chat/completions": fake_openai.chat,
    "/v1/responses": fake_openai.response,
    "/v1/embeddings": fake_openai.embeddings,
    "/v1/messages": fake_anthropic.message,
}
STREAMED = {
    "/v1/chat/completions": fake_openai.chat_chunks,
    "/v1/responses": fake_openai.response_events,
    "/v1/messages": fake_anthropic.message_events,
}


class Asked(NamedTuple):
    path: str
    headers: dict[str, str]  # names in lower case
    body: dict[str, Any]


class FakeProviders(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.openai_url = f"{self.url}/v1"
        self.anthropic_url = self.url  # its client adds /v1 itself
        self.requests: list[Asked] = []


class _Handler(BaseHTTPRequestHandler):
    server: FakeProviders
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        path = self.path.partition("?")[0].rstrip("/")
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append(Asked(path, headers, body))
        failing = re.fullmatch(r"error-(429|500)", body.get("model", ""))
        if path not in PLAIN:
            self._answer(404, {"error": {"message": f"there is no {path} here"}})
        elif failing:
            provider = fake_anthropic if path == "/v1/messages" else fake_openai
            self._answer(int(failing[1]), provider.error_of(int(failing[1])))
        elif body.get("stream"):
            self._stream(STREAMED[path](body))
        else:
            self._answer(200, PLAIN[path](body))

    def _answer(self, status: int, answer: dict[str, Any]) -> None:
        encoded = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(encoded)))
        self.send_header("x-request-id", "req_1")
        self.end_headers()
        self.wfile.write(encoded)

    def _stream(self, frames: Iterator[str]) -> None:
        """Server-sent events; the end of the connection ends them."""
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        time.sleep(FIRST_CHUNK_SECONDS)
        for frame in frames:
            self.wfile.write(frame.encode())
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: tests read ``requests``."""


@contextmanager
def running_providers() -> Iterator[FakeProviders]:
    with FakeProviders() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

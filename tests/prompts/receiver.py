"""A webhook receiver on this machine: keeps what it was sent, and answers as it is told."""

import contextlib
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Receiver:
    url: str
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    status: int = 200
    text: bytes = b"ok"
    headers: dict[str, str] = field(default_factory=dict)
    drip_seconds: float = 0.0  # a byte of the answer at a time, for so long


@contextlib.contextmanager
def running_receiver():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.receiver = Receiver(f"http://127.0.0.1:{server.server_port}/hook?a=1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        receiver = self.server.receiver
        body = self.rfile.read(int(self.headers["Content-Length"]))
        receiver.requests.append((self.path, dict(self.headers), body))
        until = time.monotonic() + receiver.drip_seconds
        with contextlib.suppress(OSError):
            while time.monotonic() < until:
                self.wfile.write(b"H")  # never the end of a status line
                time.sleep(0.05)
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(receiver.text)

    def do_GET(self):
        self.server.receiver.requests.append((self.path, dict(self.headers), b""))

    def log_message(self, *args):
        pass

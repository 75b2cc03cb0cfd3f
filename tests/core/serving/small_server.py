"""A web server as Assay's is, around a small application, with limits that tests reach soon.

python -m tests.core.serving.small_server PORT FOLDER
"""

import gc
import hashlib
import io
import json
import multiprocessing
import sys
import threading
import time
from pathlib import Path
from typing import Any

from core.serving import pacing, receiving
from core.serving.bodies import Limits, LongBody
from core.serving.pacing import REFUSAL
from core.serving.receiving import Receiver
from core.serving.server import serve

N_THREADS = 4
LIMITS = {"body": 2_000_000, "in_memory": 1_000_000, "at_once": 3_000_000}
GRACE_SECONDS, DRAINED_BYTES = 1.5, 1_500_000
ANSWER = bytes(range(256)) * 20_000

_at_work = set()
_most = []


def application(environ, start_response):
    refusal = environ.get(REFUSAL)
    if refusal is not None:
        start_response(f"{refusal.status} Refused", list(refusal.headers.items()))
        return [refusal.code.encode()]
    return PATHS[environ["PATH_INFO"]](environ, start_response)


def tell(environ, start_response):
    """What the application sees of a request."""
    source = environ["wsgi.input"]
    body = source.read()
    said = {
        "n": len(body),
        "sha": hashlib.sha256(body).hexdigest(),
        "length": environ.get("CONTENT_LENGTH"),
        "in_memory": isinstance(source, io.BytesIO),
        "thread": threading.get_ident(),
        "headers": {k: v for k, v in environ.items() if k.startswith("HTTP_")},
        "query": environ["QUERY_STRING"],
        "address": environ["REMOTE_ADDR"],
    }
    start_response("200 OK", [("Content-Type", "application/json")])
    return [json.dumps(said).encode()]


def sleep(environ, start_response):
    """Answers how many slept at once."""
    name = object()
    _at_work.add(name)
    _most.append(len(_at_work))
    time.sleep(float(environ["QUERY_STRING"]))
    _at_work.discard(name)
    start_response("200 OK", [])
    return [str(max(_most)).encode()]


def send_file(environ, start_response):
    path = FOLDER / "sent"
    start_response("200 OK", [("Content-Length", str(path.stat().st_size))])
    return environ["wsgi.file_wrapper"](path.open("rb"))


def send_much(environ, start_response):
    start_response("200 OK", [])
    return iter([ANSWER[:1], ANSWER[1:]])


def fail(environ, start_response):
    raise ValueError("on purpose")


def close_late(environ, start_response):
    class Parts(list):
        def close(self):
            FOLDER.joinpath("closed").touch()

    start_response("200 OK", [])
    return Parts([b"x"])


def room(environ, start_response):
    """What is on its way."""
    start_response("200 OK", [])
    return [f"{receiver.room.received} {receiver.room.in_memory}".encode()]


def count_bodies(environ, start_response):
    """How many are known to anybody."""
    start_response("200 OK", [])
    return [str(sum(isinstance(each, LongBody) for each in gc.get_objects())).encode()]


def load() -> Any:  # granian's: whatever its target takes
    return receiver


PATHS = {
    "/bodies": count_bodies,
    "/tell": tell,
    "/sleep": sleep,
    "/file": send_file,
    "/much": send_much,
    "/fail": fail,
    "/close": close_late,
    "/room": room,
}


if __name__ == "__main__":
    FOLDER = Path(sys.argv[2])
    pacing.GRACE_SECONDS = GRACE_SECONDS
    receiving.DRAINED_BYTES = DRAINED_BYTES
    multiprocessing.set_start_method("fork", force=True)
    receiver = Receiver(
        application,
        Limits(**LIMITS, n_threads=N_THREADS, folder=FOLDER),
        lambda environ: "HTTP_X_KEY" in environ,
    )
    serve(load, "127.0.0.1", int(sys.argv[1]), workers_kill_timeout=2)

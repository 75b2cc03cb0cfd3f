"""Senders that take their time, against the web server as it is shipped."""

import contextlib
import gzip
import json
import time
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from google.rpc.status_pb2 import Status

from core.serving import pacing
from tests.core.serving.wire import END, Line, chunk
from tests.flows import digest_all, forget_process_caches, status_of
from tests.tracking.report_streams import request_of, tell
from tracking.models import InboxBatch

pytestmark = pytest.mark.django_db(transaction=True)
N_TRICKLERS = 64
AT_ONCE = 5.0  # seconds, on a machine however busy; who waited for a trickler waits for its grace
JSON, PROTOBUF = "application/json", "application/x-protobuf"


@pytest.fixture
def port(web_server):
    forget_process_caches()
    yield urlsplit(web_server).port
    forget_process_caches()


def lines_of(n_bytes):
    line = json.dumps({"type": "note", "data": {"text": "x" * 900}}).encode() + b"\n"
    return line * (n_bytes // len(line) + 1)


def post(port, key, body, path="/api/v1/events", kind=JSON, **headers):
    with Line(port) as line:
        bearer = f"Bearer {key}"
        length = len(body)
        line.begin(path, Authorization=bearer, Content_Type=kind, Content_Length=length, **headers)
        line.send(body)
        return line.answer()


def timed(call, *arguments):
    began = time.monotonic()
    return call(*arguments)[0], time.monotonic() - began


def healthz(port):
    with Line(port) as line:
        line.begin("/healthz", method="GET")
        return line.answer()


@pytest.mark.parametrize("with_key", [True, False], ids=["key", "stranger"])
def test_pages_and_batches_are_answered_while_many_trickle(port, alpha, alpha_key, with_key):
    """Each is told after the grace that it is too slow, and cut off."""
    headers = [f"Authorization: Bearer {alpha_key}"] if with_key else []
    tricklers = [Line(port) for _ in range(N_TRICKLERS)]
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        for number, line in enumerate(tricklers):
            stack.enter_context(line)
            path = ["/api/v1/events", "/v1/traces", "/login"][number % 3]
            line.begin(path, *headers, Content_Type=JSON, Content_Length=50_000)
        body = gzip.compress(lines_of(100_000))
        while time.monotonic() - began < pacing.GRACE_SECONDS - 3:
            for line in tricklers:
                line.send(b" ")
            asked = [timed(healthz, port) for _ in range(3)]
            sent = timed(lambda: post(port, alpha_key, body, Content_Encoding="gzip"))
            assert [status for status, _ in (*asked, sent)] == [200, 200, 200, 202]
            assert max(seconds for _, seconds in (*asked, sent)) < AT_ONCE
            time.sleep(0.5)
        with ThreadPoolExecutor(N_TRICKLERS) as pool:
            list(pool.map(lambda line: line.trickle(until=began + 40), tricklers))
        answers = [line.answer()[0] for line in tricklers]
        assert all(line.is_closed() for line in tricklers)

    late = 408 if with_key else 401
    assert answers == [[late, late, 408][number % 3] for number in range(N_TRICKLERS)]


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("/api/v1/events", JSON, "application/problem+json"),
        ("/v1/traces", PROTOBUF, PROTOBUF),
        ("/api/v1/prompts", JSON, "application/problem+json"),
        ("/login", "application/x-www-form-urlencoded", "text/html; charset=utf-8"),
    ],
)
def test_each_path_says_too_slow_in_its_own_words(port, alpha_key, path, kind, expected):
    with Line(port) as line:
        bearer = f"Bearer {alpha_key}"
        line.begin(path, Authorization=bearer, Content_Type=kind, Content_Length=10)
        line.send(b"{")
        status, headers, body = line.answer()

    assert (status, headers["Content-Type"]) == (408, expected)
    if kind == PROTOBUF:
        assert "too slowly" in Status.FromString(body).message
    elif expected == "application/problem+json":
        assert json.loads(body)["type"] == "urn:assay:problem:too_slow"
    else:
        assert b"too slowly" in body


@pytest.mark.parametrize("end", [b"", b"5\r\nab"], ids=["between chunks", "within one"])
@pytest.mark.parametrize("path", ["/api/v1/events", "/v1/traces"])
def test_nothing_of_a_chunked_body_that_is_cut_off_is_stored(port, alpha, alpha_key, path, end):
    body = lines_of(5_000) if "events" in path else request_of([tell("a")])
    key = f"Bearer {alpha_key}"

    with Line(port) as line:
        line.begin(path, Authorization=key, Content_Type=JSON, Transfer_Encoding="chunked")
        line.send(chunk(body) + end)
        line.socket.shutdown(1)
        status = line.answer()[0]

    assert (status, InboxBatch.objects.count()) == (400, 0)
    with Line(port) as line:
        line.begin(path, Authorization=key, Content_Type=JSON, Transfer_Encoding="chunked")
        line.send(chunk(body) + END)
        assert line.answer()[0] in {200, 202}
    assert InboxBatch.objects.count() == 1


@pytest.mark.parametrize("n_bytes", [5_000, 100_000], ids=["in one piece", "in pieces"])
@pytest.mark.parametrize(
    ("path", "said"), [("/api/v1/events", {"status": 400}), ("/v1/traces", {"code": 3})]
)
def test_nothing_of_a_body_shorter_than_its_length_is_stored(
    port, alpha, alpha_key, path, said, n_bytes
):
    """Though what came of it are whole lines, which could be taken for all."""
    body, key = lines_of(n_bytes), f"Bearer {alpha_key}"

    with Line(port) as line:
        length = len(body) + 1
        line.begin(path, Authorization=key, Content_Type=JSON, Content_Length=length)
        line.send(body)
        line.socket.shutdown(1)
        status, _, text = line.answer()

    assert (status, InboxBatch.objects.count()) == (400, 0)
    assert said.items() <= json.loads(text).items()


def test_a_large_upload_on_a_slow_line_passes(port, alpha, alpha_key):
    """50 kB a second for five seconds longer than the grace."""
    body = lines_of(50_000 * (int(pacing.GRACE_SECONDS) + 5))
    with Line(port) as line:
        key = f"Bearer {alpha_key}"
        line.begin("/api/v1/events", Authorization=key, Content_Length=len(body))
        for start in range(0, len(body), 10_000):
            line.send(body[start : start + 10_000])
            time.sleep(0.2)
        status, _, answer = line.answer()

    assert (status, json.loads(answer)["accepted"]) == (202, body.count(b"\n"))
    digest_all()
    assert status_of(alpha).stored_events == body.count(b"\n")


def test_a_body_beyond_the_limit_is_refused_before_it_comes(port, alpha_key):
    with Line(port) as line:
        line.begin("/v1/traces", X_API_Key=alpha_key, Content_Type=JSON, Content_Length=10**9)
        status, headers, body = line.answer()

    assert (status, headers["Content-Type"], json.loads(body)["code"]) == (413, JSON, 8)


def test_a_stranger_with_a_large_body_is_refused_before_it_comes(port):
    for key in ("", "Bearer ak_00000000_nothing"):
        with Line(port) as line:
            line.begin("/api/v1/events", Authorization=key, Content_Length=10**6)

            assert line.answer()[0] == 401

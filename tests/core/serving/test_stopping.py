"""SIGTERM to a server at work: everybody who waits for an answer gets one."""

import time

import pytest

from tests.core.serving import small_server as small
from tests.core.serving.conftest import running_small_server
from tests.core.serving.wire import Line

LONG_SLEEP = 20


@pytest.fixture
def server():
    with running_small_server() as (process, port, _):
        yield process, port


def begin(port, path, **headers):
    line = Line(port)
    line.begin(path, "X-Key: yes", **headers)
    return line


def test_what_is_soon_done_is_finished(server):
    process, port = server
    with begin(port, "/sleep?0.2", method="GET") as line:
        time.sleep(0.1)
        process.terminate()

        status, headers, _ = line.answer()

    assert (status, headers["Connection"]) == (200, "close")


@pytest.mark.parametrize(
    ("path", "length"), [(f"/sleep?{LONG_SLEEP}", 0), ("/tell", 10), ("/tell", 100_000)]
)
def test_what_is_not_is_to_be_sent_again(server, path, length):
    """At work, or on its way: short, long."""
    process, port = server
    began = time.monotonic()
    with begin(port, path, Content_Length=length) as line:
        line.send(b"x" if length else b"")
        time.sleep(0.2)
        process.terminate()

        status, headers, text = line.answer()

        assert (status, headers["Retry-After"], text) == (503, "1", b"stopping")
        assert headers["Connection"] == "close"
        assert time.monotonic() - began < LONG_SLEEP / 2


def test_an_answer_that_comes_later_still_is_not_sent(server):
    process, port = server
    with begin(port, "/sleep?1.2", method="GET") as line:
        time.sleep(0.2)
        process.terminate()

        assert line.answer()[0] == 503
        assert line.socket.recv(1) == b""
    assert process.wait(60) == 0


def test_who_waits_for_a_thread_is_told_too(server):
    process, port = server
    lines = [begin(port, f"/sleep?{LONG_SLEEP}", method="GET") for _ in range(small.N_THREADS)]
    time.sleep(0.3)
    lines.append(begin(port, "/tell", method="GET"))
    time.sleep(0.2)
    process.terminate()

    answers = [line.answer() for line in lines]

    for line in lines:
        line.socket.close()
    assert {(status, text) for status, _, text in answers} == {(503, b"stopping")}


def test_a_connection_that_rests_is_closed(server):
    process, port = server
    with begin(port, "/tell", method="GET") as line:
        assert line.answer()[0] == 200
        process.terminate()

        assert line.is_closed() is True
    assert process.wait(60) == 0

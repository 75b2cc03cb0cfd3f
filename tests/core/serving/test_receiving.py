"""Real sockets against the real server: what the application gets to see, and when."""

import hashlib
import json
import resource
import threading
import time
from contextlib import ExitStack, contextmanager

import pytest

from tests.core.serving import small_server as small
from tests.core.serving.wire import END, Line, chunk

KNOWN = "X-Key: yes"
LONG = bytes(range(256)) * 1_000


def post(port, path, body, *headers):
    with Line(port) as line:
        line.begin(path, *headers, Content_Length=len(body))
        line.send(body)
        return line.answer()


@contextmanager
def open_lines(port, n):
    with ExitStack() as stack:
        yield [stack.enter_context(Line(port)) for _ in range(n)]


def assert_answers_at_once(port):
    began = time.monotonic()

    assert post(port, "/tell", b"x")[0] == 200
    assert time.monotonic() - began < 20


def told(body):
    return json.loads(body)


def wait_room(port, received, in_memory):
    expected, deadline = f"{received} {in_memory}", time.monotonic() + 60
    while (text := post(port, "/room", b"")[2].decode()) != expected:
        assert time.monotonic() < deadline, text
        time.sleep(0.05)


def wait_room_empty(port):
    wait_room(port, 0, 0)


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 70_000, 70_001, 1_999_999])
def test_a_body_arrives_as_it_was_sent(port, size):
    body = (LONG * 8)[:size]

    status, _, answer = post(port, "/tell", body, KNOWN)

    assert status == 200
    assert told(answer)["sha"] == hashlib.sha256(body).hexdigest()
    assert told(answer)["length"] == str(size)
    wait_room_empty(port)


@pytest.mark.parametrize("sizes", [[], [5], [5, 0 + 1, 300], [70_000, 70_000, 1]])
def test_a_chunked_body_is_one_with_a_length_for_the_application(port, sizes):
    parts = [LONG[:size] for size in sizes]
    with Line(port) as line:
        line.begin("/tell", KNOWN, Transfer_Encoding="chunked")
        for part in parts:
            line.send(chunk(part))
        line.send(END)
        status, _, answer = line.answer()

    found = told(answer)
    assert (status, found["n"], found["length"]) == (200, sum(sizes), str(sum(sizes)))
    assert "HTTP_TRANSFER_ENCODING" not in found["headers"]


@pytest.mark.parametrize("sent", [b"", chunk(b"hello"), chunk(b"hello") + b"5\r\nhe"])
def test_a_chunked_body_that_is_cut_off_is_refused(port, sent):
    with Line(port) as line:
        line.begin("/tell", KNOWN, Transfer_Encoding="chunked")
        line.send(sent)
        line.socket.shutdown(1)

        assert line.answer()[0] == 400
    wait_room_empty(port)


@pytest.mark.parametrize("length", [10, 70_000, 100_000])
def test_a_body_shorter_than_its_length_is_refused(port, length):
    with Line(port) as line:
        line.begin("/tell", KNOWN, Content_Length=length)
        line.send(b"hello")
        line.socket.shutdown(1)
        status, _, text = line.answer()

    assert (status, text) == (400, b"bad_body")
    wait_room_empty(port)


@pytest.mark.parametrize("length", [100, 100_000, None])
def test_who_sends_too_slowly_is_told_so_and_cut_off(port, length):
    how = {"Transfer_Encoding": "chunked"} if length is None else {"Content_Length": length}
    began = time.monotonic()
    with Line(port) as line:
        line.begin("/tell", KNOWN, **how)
        line.trickle(b"1\r\n.\r\n" if length is None else b".", pause=0.1, until=began + 20)
        status, headers, text = line.answer()

        assert (status, headers["Connection"], text) == (408, "close", b"too_slow")
        assert line.is_closed() is True
    assert small.GRACE_SECONDS <= time.monotonic() - began < 15
    wait_room_empty(port)


def test_slow_but_fair_is_good_enough(port):
    """Three times as long as the grace, at ten times the slowest rate."""
    piece, n_pieces = LONG[:8_000], 25
    with Line(port) as line:
        line.begin("/tell", KNOWN, Content_Length=len(piece) * n_pieces)
        for _ in range(n_pieces):
            line.send(piece)
            time.sleep(0.2)
        status, _, answer = line.answer()

    assert (status, told(answer)["n"]) == (200, 200_000)


def test_a_chunked_body_too_long_is_refused_while_it_comes(port):
    with Line(port) as line:
        line.begin("/tell", KNOWN, Transfer_Encoding="chunked")
        for _ in range(9):
            line.send(chunk(LONG))

        assert line.answer()[::2] == (413, b"too_large")
    wait_room_empty(port)


@pytest.mark.parametrize("known", [[], [KNOWN]], ids=["stranger", "known"])
def test_a_length_beyond_the_limit_is_refused_before_the_body(port, known):
    with Line(port) as line:
        line.begin("/tell", *known, Content_Length=small.LIMITS["body"] + 1)

        assert line.answer()[::2] == (413, b"too_large")


def test_a_stranger_is_refused_before_the_body(port):
    with Line(port) as line:
        line.begin("/tell", Content_Length=len(LONG))

        assert line.answer()[::2] == (401, b"unknown_sender")


def test_a_stranger_who_sends_all_before_reading_sees_the_answer(port):
    status, _, text = post(port, "/tell", LONG * 5)

    assert (status, text) == (401, b"unknown_sender")


def test_a_chunked_body_of_a_stranger_ends_where_it_gets_long(port):
    with Line(port) as line:
        line.begin("/tell", Transfer_Encoding="chunked")
        line.send(chunk(LONG[:60_000]))
        line.send(chunk(LONG[:60_000]))

        assert line.answer()[::2] == (401, b"unknown_sender")


def test_no_more_is_read_away_than_a_few_megabytes(port):
    with Line(port) as line:
        line.begin("/tell", Content_Length=100_000_000)
        with pytest.raises(ConnectionError):
            line.send(bytes(100_000_000))


def test_who_asks_first_sends_the_body_when_told_to(port):
    with Line(port) as line:
        line.begin("/tell", KNOWN, Content_Length=len(LONG), Expect="100-continue")
        assert line.socket.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n")
        line.send(LONG)

        assert told(line.answer()[2])["n"] == len(LONG)


def test_who_asks_first_is_refused_before_sending(port):
    with Line(port) as line:
        line.begin("/tell", Content_Length=len(LONG), Expect="100-continue")

        assert line.answer()[0] == 401


def test_crumbs_are_refused(port):
    with Line(port) as line:
        line.begin("/tell", KNOWN, Transfer_Encoding="chunked")
        for _ in range(100):
            line.send(chunk(b".") * 100)

        assert line.answer()[::2] == (413, b"too_many_chunks")


def test_bodies_beyond_a_sum_go_to_files_and_beyond_another_are_refused(port):
    size = 900_000
    with open_lines(port, 4) as lines:
        for number, line in enumerate(lines[:3], start=1):
            line.begin("/tell", KNOWN, Content_Length=size)
            line.send(bytes(size - 1))
            wait_room(port, number * (size - 1), size - 1)
        lines[3].begin("/tell", KNOWN, Content_Length=size)
        lines[3].send(bytes(size))
        status, headers, text = lines[3].answer()
        for line in lines[:3]:
            line.send(b"\0")
        found = [told(line.answer()[2]) for line in lines[:3]]

    assert (status, headers["Retry-After"], text) == (503, "5", b"busy")
    assert {each["sha"] for each in found} == {hashlib.sha256(bytes(size)).hexdigest()}
    assert sorted(each["in_memory"] for each in found) == [False, False, True]
    wait_room_empty(port)


def test_many_requests_run_at_once(port):
    counts = []
    threads = [
        threading.Thread(target=lambda: counts.append(int(post(port, "/sleep?1.5", b"x")[2])))
        for _ in range(2 * small.N_THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert max(counts) == small.N_THREADS


def test_who_waits_for_a_thread_is_not_slow(port):
    with open_lines(port, small.N_THREADS + 1) as (chunked, *sleepers):
        for line in sleepers:
            line.begin(f"/sleep?{small.GRACE_SECONDS * 2}", method="GET")
        time.sleep(0.3)
        chunked.begin("/tell", KNOWN, Transfer_Encoding="chunked")
        chunked.send(chunk(LONG) + END)

        assert post(port, "/tell", LONG, KNOWN)[0] == 200
        assert chunked.answer()[0] == 200
        for line in sleepers:
            line.answer()


def test_a_connection_is_used_again_after_bodies_of_all_kinds(port):
    with Line(port) as line:
        for size in (10, 100_000):
            line.begin("/tell", KNOWN, Content_Length=size)
            line.send(LONG[:size])
            assert told(line.answer()[2])["n"] == size
        line.begin("/tell", Transfer_Encoding="chunked")
        line.send(chunk(b"abc") + END)
        assert told(line.answer()[2])["n"] == 3
        line.begin("/tell?a=1", method="GET")
        assert told(line.answer()[2])["query"] == "a=1"


def test_a_client_that_goes_away_leaves_nothing(port):
    with Line(port) as line:
        line.begin("/tell", KNOWN, Content_Length=len(LONG))
        line.send(LONG[:1000])
        wait_room(port, 1000, 1000)

    wait_room_empty(port)


def test_bodies_are_forgotten(port):
    for size in (10, 70_000, 100_000) * 20:
        post(port, "/tell", LONG[:size], KNOWN)
        with Line(port) as line:
            line.begin("/tell", KNOWN, Content_Length=size)
            line.send(b"cut")
    wait_room_empty(port)
    deadline = time.monotonic() + 60
    while (text := post(port, "/bodies", b"")[2]) != b"0":
        assert time.monotonic() < deadline, text
        time.sleep(0.05)


def test_headers_come_as_wsgi_has_them(port):
    with Line(port) as line:
        headers = [
            "X-Two: a",
            "x-two: b",
            "Cookie: a=1",
            "X_Key: forged",
            "X-Forwarded-For: 1.2.3.4",
        ]
        line.begin("/tell", *headers, method="GET")
        found = told(line.answer()[2])

    assert found["headers"] == {
        "HTTP_HOST": "localhost",
        "HTTP_X_TWO": "a,b",
        "HTTP_COOKIE": "a=1",
        "HTTP_X_FORWARDED_FOR": "1.2.3.4",
    }
    assert found["address"] == "127.0.0.1"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_file_is_sent_by_the_server_itself(small_server, method):
    port, folder = small_server
    (folder / "sent").write_bytes(LONG)
    with Line(port) as line:
        line.begin("/file", method=method)
        if method == "HEAD":
            assert f"content-length: {len(LONG)}".encode() in line.socket.recv(10_000)
            return
        assert line.answer()[2] == LONG


def test_an_answer_in_parts_comes_whole(port):
    assert post(port, "/much", b"")[2] == small.ANSWER


def test_readers_that_do_not_read_keep_no_thread(port):
    with open_lines(port, 3 * small.N_THREADS) as lines:
        for line in lines:
            line.begin("/much", method="GET")

        assert_answers_at_once(port)


def test_an_application_that_fails_is_a_500_and_the_next_request_works(port):
    with Line(port) as line:
        for path, expected in (("/fail", 500), ("/tell", 200)):
            line.begin(path, method="GET")
            assert line.answer()[0] == expected


def test_what_the_application_closes_is_closed(small_server):
    port, folder = small_server

    assert post(port, "/close", b"")[2] == b"x"

    deadline = time.monotonic() + 60
    while not (folder / "closed").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_connections_that_rest_keep_nobody_waiting(port):
    """More than granian takes by itself, which is 1,024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    n_connections = 5_000
    if hard < n_connections + 500:
        pytest.skip("this account may not open as many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, n_connections + 500), hard))
    try:
        with open_lines(port, n_connections):
            assert_answers_at_once(port)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

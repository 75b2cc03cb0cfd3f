"""Where a request ends is never a matter of opinion: a proxy before the server must not be told
otherwise (RFC 9112 § 6 and § 11.2)."""

import http.client

import pytest

from tests.core.serving.wire import END, Line, chunk

KNOWN = "X-Key: yes"
SMUGGLED = b"GET /fail HTTP/1.1\r\nHost: localhost\r\n\r\n"


def answer_to(port, *headers, body=b""):
    """The status, and whether the connection is closed behind it."""
    with Line(port) as line:
        line.begin("/tell", *headers)
        line.send(body)
        status, said, _ = line.answer()
        is_kept = status == 200 and said["Connection"] != "close" and again(line)
        return status, not is_kept


def again(line):
    try:
        line.begin("/tell", method="GET")
        return line.answer()[0] == 200
    except (ConnectionError, http.client.HTTPException):
        return False


@pytest.mark.parametrize(
    "headers",
    [
        ["Content-Length: 2", "Content-Length: 30"],
        ["Content-Length: 2, 2"],
        ["Content-Length: +2"],
        ["Content-Length: -2"],
        ["Content-Length: 2x"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
        ["Transfer-Encoding : chunked"],
        ["X-Folded: a\r\n b", "Content-Length: 2"],
        ["X-Nul: a\0b", "Content-Length: 2"],
    ],
    ids=str,
)
def test_a_length_that_may_be_read_in_two_ways_is_refused(port, headers):
    assert answer_to(port, KNOWN, *headers, body=b"[]") == (400, True)


def test_what_follows_a_body_of_two_lengths_is_no_request(port):
    with Line(port) as line:
        line.begin("/tell", KNOWN, "Transfer-Encoding: chunked", "Content-Length: 4")
        line.send(chunk(b"ab") + END + SMUGGLED)

        assert line.answer()[0] == 200
        assert line.is_closed() is True


def test_a_length_said_twice_is_one(port):
    twice = ["Content-Length: 2"] * 2

    assert answer_to(port, KNOWN, *twice, body=b"[]") == (200, False)


@pytest.mark.parametrize(
    "headers",
    [["X-Long: " + "a" * 1_000_000], [f"X-{number}: a" for number in range(2_000)]],
    ids=["long", "many"],
)
def test_headers_are_limited(port, headers):
    with Line(port) as line:
        line.begin("/tell", *headers, method="GET")

        assert line.answer()[0] == 431

import gzip
import time
import zlib

import pytest

from tracking.events import BadBodyError
from tracking.inflate import TooLargeError, UnknownEncodingError, inflate

LIMIT = 20 * 1024 * 1024
TEXT = b"spans and points " * 100


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("x-gzip", gzip.compress(TEXT, mtime=0)),
        ("gzip", gzip.compress(TEXT[:50], mtime=0) + gzip.compress(TEXT[50:], mtime=0)),
        (
            "gzip",
            gzip.compress(TEXT[:50], mtime=0)
            + gzip.compress(b"", mtime=0)
            + gzip.compress(TEXT[50:], mtime=0),
        ),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"\0" * 100),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
    ],
)
def test_it_inflates(encoding, body):
    assert inflate(body, encoding, limit=LIMIT) == TEXT


@pytest.mark.parametrize("encoding", ["", "gzip", "deflate"])
def test_an_empty_body_stays_empty(encoding):
    assert inflate(b"", encoding, limit=LIMIT) == b""


@pytest.mark.parametrize("pack", [gzip.compress, zlib.compress])
@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_it_takes_what_is_within_the_limit(pack, size):
    encoding = "gzip" if pack is gzip.compress else "deflate"

    assert len(inflate(pack(bytes(size)), encoding, limit=LIMIT)) == size


def test_it_refuses_one_byte_more():
    with pytest.raises(TooLargeError, match="more than 20971520 bytes inflated; the limit is"):
        inflate(gzip.compress(bytes(LIMIT + 1)), "gzip", limit=LIMIT)


def test_it_refuses_one_byte_more_as_sent():
    with pytest.raises(TooLargeError, match="20971521 bytes as sent"):
        inflate(bytes(LIMIT + 1), "", limit=LIMIT)


def test_it_adds_up_the_members():
    member = gzip.compress(bytes(LIMIT // 2))

    with pytest.raises(TooLargeError):
        inflate(member * 2 + gzip.compress(b"x", mtime=0), "gzip", limit=LIMIT)


def test_a_bomb_is_put_out_at_the_limit():
    member = gzip.compress(bytes(100_000_000), 9)
    began = time.process_time()

    with pytest.raises(TooLargeError):
        inflate(member * 100, "gzip", limit=LIMIT)

    assert time.process_time() - began < 1.0


@pytest.mark.parametrize("body", [gzip.compress(TEXT, mtime=0)[:n] for n in (1, 5, 12, 30, -1)])
def test_it_says_that_a_body_was_cut(body):
    with pytest.raises(BadBodyError, match="compressed body"):
        inflate(body, "gzip", limit=LIMIT)


@pytest.mark.parametrize(
    "body", [TEXT, zlib.compress(TEXT), gzip.compress(TEXT, mtime=0)[:-8] + b"12345678"]
)
def test_it_says_that_a_body_is_damaged(body):
    with pytest.raises(BadBodyError, match="damaged"):
        inflate(body, "gzip", limit=LIMIT)


def test_it_names_the_encodings_it_takes():
    with pytest.raises(UnknownEncodingError, match="'br' is not supported; send gzip, deflate"):
        inflate(TEXT, "br", limit=LIMIT)

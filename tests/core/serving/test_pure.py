"""Times, and what a request says."""

from types import SimpleNamespace

import pytest

from core.serving import pacing
from core.serving.environ import environ_of, split_address, variable_of


class Headers(list):
    """As granian has them."""

    def items(self):
        return list(self)


def environ(*headers, **scope):
    said = {
        "http_version": "1.1",
        "server": "127.0.0.1:8000",
        "client": "10.0.0.1:5000",
        "scheme": "http",
        "method": "POST",
        "path": "/",
        "query_string": "",
    }
    return environ_of(SimpleNamespace(**{**said, **scope}), Headers(headers))


@pytest.mark.parametrize(
    ("n_bytes", "seconds"), [(0, 10), (4_096, 11), (262_144, 74), (20 * 2**20, 600)]
)
def test_a_body_has_more_time_the_longer_it_is(n_bytes, seconds):
    assert pacing.seconds_for(n_bytes) == seconds


@pytest.mark.parametrize(
    ("n_bytes", "n_pieces", "expected"),
    [
        (1, 4_096, False),
        (4_097, 4_097, True),
        (4_097 * 256, 4_097, False),
        (20 * 2**20, 14_000, False),
    ],
)
def test_only_many_small_pieces_are_crumbs(n_bytes, n_pieces, expected):
    assert pacing.is_crumbled(n_bytes, n_pieces) is expected


def test_only_who_shall_come_back_is_told_when():
    assert pacing.too_much_at_once().headers == {"Retry-After": "5"}
    assert pacing.too_slow().headers == {}


@pytest.mark.parametrize(
    ("text", "expected"),
    [("127.0.0.1:80", ("127.0.0.1", "80")), ("[::1]:80", ("::1", "80")), ("", ("", ""))],
)
def test_an_address_is_split(text, expected):
    assert split_address(text) == expected


def test_names_of_headers():
    assert variable_of("content-type") == "CONTENT_TYPE"
    assert variable_of("x-api-key") == "HTTP_X_API_KEY"
    assert variable_of("x_api-key") == ""


def test_a_path_is_latin_1_of_its_bytes():
    assert environ(path="/é")["PATH_INFO"].encode("latin-1").decode() == "/é"


def test_headers_sent_twice_are_joined():
    found = environ(("x-a", "1"), ("x-a", "2"), ("cookie", "a=1"), ("cookie", "b=2"), ("x_a", "3"))

    assert (found["HTTP_X_A"], found["HTTP_COOKIE"]) == ("1,2", "a=1; b=2")
    assert "" not in found


def test_nothing_of_this_process_is_told(monkeypatch):
    monkeypatch.setenv("ASSAY_SECRET_KEY", "s")

    assert "ASSAY_SECRET_KEY" not in environ()
    assert environ()["REMOTE_ADDR"] == "10.0.0.1"

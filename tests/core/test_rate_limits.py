"""The rate of a key, over the real doors."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection
from django.test import Client

from core import rate_limits
from core.keys import authenticate_key, issue_key
from core.rate_limits import TAKE as RUNNING
from core.rate_limits import take_request
from tests.cast import make_client

STILL = "'2026-03-04 09:15:00+00'::timestamptz"


@pytest.fixture
def limited(alpha):
    return issue_key(alpha, "slow", ["ingest", "read"], None, rate_limit=3)[1]


@pytest.fixture
def stopped_clock(monkeypatch):
    """Requests however slowly made are of one moment; another is set by calling this."""

    def stop(seconds=0.0):
        now = f"({STILL} + {seconds} * interval '1 second')"
        monkeypatch.setattr(rate_limits, "TAKE", RUNNING.replace("clock_timestamp()", now))

    stop()
    return stop


def post_event(client: Client, path: str = "/api/v1/events"):
    return client.post(path, b'{"type": "n"}', content_type="application/json")


def test_a_burst_of_a_second_goes_through_and_no_more(limited, stopped_clock):
    key = authenticate_key(limited)

    assert [take_request(key) for _ in range(5)] == [True, True, True, False, False]


def test_a_refused_request_costs_nothing(limited, stopped_clock):
    key = authenticate_key(limited)
    assert [take_request(key) for _ in range(9)] == [True] * 3 + [False] * 6

    stopped_clock(seconds=0.2)
    assert take_request(key) is False
    stopped_clock(seconds=0.4)
    assert [take_request(key) for _ in range(2)] == [True, False]


def test_the_clock_is_that_of_the_database(limited):
    key = authenticate_key(limited)
    while take_request(key):
        pass

    time.sleep(0.5)

    assert take_request(key) is True


def test_beyond_the_rate_our_api_answers_429(limited, stopped_clock):
    client = make_client(key=limited)
    answers = [post_event(client) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 429]
    assert answers[-1]["Retry-After"] == "1"
    assert answers[-1]["Content-Type"] == "application/problem+json"
    assert answers[-1].json()["detail"].startswith("This key may make 3 requests a second")
    assert client.get("/api/v1/totals").status_code == 429


def test_beyond_the_rate_otlp_answers_503(limited, stopped_clock):
    client = make_client(key=limited)
    for _ in range(3):
        post_event(client)

    answer = client.post("/v1/traces", b"", content_type="application/x-protobuf")

    assert answer.status_code == 503
    assert answer["Retry-After"] == "1"


def test_a_key_without_a_limit_is_not_counted(alpha_key, django_assert_num_queries):
    key = authenticate_key(alpha_key)

    with django_assert_num_queries(0):
        assert all(take_request(key) for _ in range(50))


def test_keys_do_not_share_their_rates(alpha, limited, stopped_clock):
    other = authenticate_key(issue_key(alpha, "other", ["ingest"], None, rate_limit=3)[1])
    key = authenticate_key(limited)
    while take_request(key):
        pass

    assert take_request(other) is True


@pytest.mark.django_db(transaction=True)
def test_many_connections_share_one_rate(alpha):
    key = authenticate_key(issue_key(alpha, "busy", ["ingest"], None, rate_limit=10)[1])
    began = time.monotonic()

    def take_many(_):
        try:
            return sum(take_request(key) for _ in range(25))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        taken = sum(pool.map(take_many, range(4)))

    seconds = time.monotonic() - began
    assert 10 <= taken <= 11 + 10 * seconds

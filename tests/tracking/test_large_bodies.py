"""Large bodies are read in turn, whatever comes at once; small ones pass by them."""

import threading
import time

import pytest
from django.utils import timezone

import tracking.adapters
from core.keys import project_info
from tracking import receive

LARGE = b" " * (receive.LARGE_BYTES + 1)


class Reading:
    """A wire format that counts how many bodies are read at once."""

    def __init__(self):
        self.lock, self.now, self.most = threading.Lock(), 0, 0
        self.gate = threading.Event()

    def check(self, body, *, receipt):
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        if len(body) > receive.LARGE_BYTES:
            self.gate.wait(60)
        with self.lock:
            self.now -= 1
        return 0, []


@pytest.fixture
def reading(monkeypatch):
    reading = Reading()
    adapter = tracking.adapters.Adapter(reading.check, None)
    monkeypatch.setitem(tracking.adapters.ADAPTERS, "counted", adapter)
    return reading


def accept(key, body):
    now = timezone.now()
    return receive.accept_batch(key, format="counted", body=body, encoding="", headers={}, now=now)


def wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_no_more_than_two_at_once(alpha, reading):
    key = project_info(alpha)
    threads = [threading.Thread(target=accept, args=(key, LARGE)) for _ in range(6)]
    for thread in threads:
        thread.start()
    wait_for(lambda: reading.now == receive.LARGE_AT_ONCE)

    accept(key, b"small")  # waits for none of them
    assert reading.most <= receive.LARGE_AT_ONCE + 1
    reading.gate.set()
    for thread in threads:
        thread.join(60)

    assert (reading.now, reading.most) == (0, receive.LARGE_AT_ONCE + 1)


def test_one_that_cannot_be_read_gives_its_turn_back(alpha, monkeypatch):
    def fail(body, *, receipt):
        raise ValueError("cannot")

    adapter = tracking.adapters.Adapter(fail, None)
    monkeypatch.setitem(tracking.adapters.ADAPTERS, "counted", adapter)

    for _ in range(receive.LARGE_AT_ONCE + 1):
        with pytest.raises(ValueError, match="cannot"):
            accept(project_info(alpha), LARGE)

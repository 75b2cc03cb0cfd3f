import datetime

import pytest
from django.utils import timezone
from kombu.exceptions import OperationalError

from tests.flows import make_sender, make_span, send_events, status_of
from tracking import doorbell
from tracking.models import Doorbell

pytestmark = pytest.mark.usefixtures("open_pipeline")
QUEUE = "test bells"


@pytest.fixture
def rings():
    heard = []
    doorbell.register(QUEUE, lambda: heard.append(1))
    yield heard
    doorbell.unregister(QUEUE)


def test_a_bell_nobody_answered_is_not_rung_again(rings):
    assert [doorbell.ring_now(QUEUE) for _ in range(3)] == [True, False, False]
    assert len(rings) == 1


def test_it_rings_again_after_an_answer(rings):
    doorbell.ring_now(QUEUE)
    doorbell.answer(QUEUE)

    assert doorbell.ring_now(QUEUE) is True
    assert len(rings) == 2


def test_it_rings_again_when_patience_ends(rings):
    doorbell.ring_now(QUEUE)
    Doorbell.objects.update(rung_at=timezone.now() - datetime.timedelta(seconds=6))

    assert doorbell.ring_now(QUEUE) is True


def test_a_queue_without_workers_is_not_rung():
    assert doorbell.ring_now("nobody") is False
    doorbell.ring("nobody")
    assert Doorbell.objects.filter(queue="nobody").exists() is False


def test_a_broker_that_is_away_fails_no_request(alpha):
    def fail():
        raise OperationalError("the broker is away")

    doorbell.register("digest", fail)
    try:
        send_events(make_sender(alpha), [make_span("t", "a")])
    finally:
        doorbell.unregister("digest")

    assert status_of(alpha).pending_events == 1

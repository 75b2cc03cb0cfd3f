"""Order, splits, re-sends and concurrency change nothing."""

import itertools
import json
import multiprocessing

import pytest
from django.db import connections
from django.utils import timezone

from core.keys import KeyInfo
from tests.flows import drift_of, forget_process_caches
from tests.tracking.business_state import business_state
from tests.tracking.streams import make_stream, shuffled_batches
from tracking.draining import drain
from tracking.models import InboxBatch, Quarantined
from tracking.receive import accept_batch

PERMUTATIONS = 60
STREAMS = 20


@pytest.fixture(autouse=True)
def no_caches():
    forget_process_caches()


def key_of(project_id: int) -> KeyInfo:
    return KeyInfo(1, project_id, "p", "p", frozenset({"ingest"}), None, True)


def accept(project_id: int, batch: list[dict]) -> None:
    accept_batch(
        key_of(project_id),
        format="analytics",
        body=json.dumps(batch).encode(),
        encoding="",
        headers={},
        now=timezone.now(),
    )


def drain_in_process(slot: int) -> None:
    connections.close_all()
    while InboxBatch.objects.exists():
        drain(slot=slot)
    connections.close_all()


def drain_with_three_workers() -> None:
    connections.close_all()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=drain_in_process, args=(slot,)) for slot in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0


@pytest.mark.django_db(transaction=True)
def test_it_ends_in_one_state_whatever_the_order_split_and_number_of_workers():
    queue = []
    for number in range(PERMUTATIONS):
        project_id = 10_000 + number
        batches = shuffled_batches(number, make_stream(number % STREAMS))
        queue.append([(project_id, batch) for batch in batches])
    # Round robin over the projects, so that one project's requests meet different workers.
    rounds = [item for row in itertools.zip_longest(*queue) for item in row if item]
    for project_id, batch in rounds:
        accept(project_id, batch)

    drain_with_three_workers()

    assert Quarantined.objects.count() == 0
    first = {stream: business_state(10_000 + stream) for stream in range(STREAMS)}
    for number in range(STREAMS, PERMUTATIONS):
        assert business_state(10_000 + number) == first[number % STREAMS], number
    assert [d for stream in range(STREAMS) for d in drift_of(10_000 + stream)] == []

"""Order, splits, re-sends and concurrency change nothing."""

import itertools
import json
import multiprocessing
import random
import time

import pytest
from django.db import connections, transaction
from django.utils import timezone

from core.keys import KeyInfo
from tests.flows import Event, drift_of
from tests.tracking.business_state import TABLES, states_of_projects
from tests.tracking.streams import make_stream, shuffled_batches
from tracking.draining import drain
from tracking.models import InboxBatch, Quarantined, Trace
from tracking.receive import accept_batch
from tracking.ties import TIED, UNTIED

PROJECTS = 50
STREAMS = 20  # in each project, each in an order of its own: 1,000 permutations
FIRST = 10_000


pytestmark = pytest.mark.usefixtures("open_pipeline")


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
        time.sleep(0.02)  # what lost a deadlock waits a second
    connections.close_all()


def drain_with_three_workers() -> None:
    connections.close_all()
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=drain_in_process, args=(slot,)) for slot in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(600)
        assert worker.exitcode == 0


def requests_of(number: int, streams: list[list[Event]]) -> list[list[Event]]:
    """The streams as requests: each shuffled and split, then parts of all of them sent together."""
    rng = random.Random(number)
    cut = [shuffled_batches(rng.randrange(2**32), stream) for stream in streams]
    together = [
        list(itertools.chain(*parts)) for parts in itertools.zip_longest(*cut, fillvalue=[])
    ]
    for request in together:
        rng.shuffle(request)
    return together


def test_it_ends_in_one_state_whatever_the_order_split_and_number_of_workers():
    streams = [make_stream(seed, n_traces=2) for seed in range(STREAMS)]
    queues = [
        [(FIRST + number, request) for request in requests_of(number, streams)]
        for number in range(PROJECTS)
    ]
    # Round robin over the projects, so that one project's requests meet different workers.
    with transaction.atomic():  # one flush to the disk for all of them
        for project_id, request in filter(None, itertools.chain(*itertools.zip_longest(*queues))):
            accept(project_id, request)

    drain_with_three_workers()

    assert Quarantined.objects.count() == 0
    assert set(Trace.objects.values_list("ties", flat=True)) == {UNTIED, TIED}
    states = states_of_projects()
    assert (len(states), len(states[FIRST])) == (PROJECTS, len(TABLES) + 2)
    for number in range(1, PROJECTS):
        assert states[FIRST + number] == states[FIRST], number
    assert [d for number in range(3) for d in drift_of(FIRST + number)] == []

"""Order, splits, re-sends and concurrency change nothing."""

import itertools
import json

import pytest
from django.db import transaction
from django.utils import timezone

from tests.flows import drift_of
from tests.tracking.business_state import TABLES, states_of_projects
from tests.tracking.streams import (
    drain_with_three_workers,
    key_of,
    make_stream,
    requests_of,
)
from tracking.models import Quarantined, Trace
from tracking.receive import accept_batch
from tracking.ties import TIED, UNTIED

PROJECTS = 50
STREAMS = 20  # in each project, each in an order of its own: 1,000 permutations
FIRST = 10_000


pytestmark = pytest.mark.usefixtures("open_pipeline")


def accept(project_id: int, batch: list[dict]) -> None:
    accept_batch(
        key_of(project_id),
        format="analytics",
        body=json.dumps(batch).encode(),
        encoding="",
        headers={},
        now=timezone.now(),
    )


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

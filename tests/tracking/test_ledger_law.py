"""sent = stored + duplicate + rejected + quarantined, over ten thousand items of all formats.

A million of them: ``make bench ARGS="ledger --full"``.
"""

import pytest
from django.db import connection
from django.utils import timezone

from tests.benchmarks.mixed import BODIES, REFUSE_UNSTORABLE, UNSTORABLE, Mix
from tests.flows import drift_of, make_sender, status_of
from tracking.draining import drain
from tracking.models import Event, Quarantined

pytestmark = pytest.mark.usefixtures("pipeline")
N_ITEMS = 10_000


def test_every_item_has_exactly_one_fate(alpha):
    sender = make_sender(alpha)
    with connection.cursor() as cursor:
        cursor.execute(REFUSE_UNSTORABLE)
    mix, paths = Mix(N_ITEMS, seed=1, end=timezone.now()), set()

    for request in mix.requests():
        answer = sender.post(request.path, request.body, content_type=request.content_type)
        assert answer.status_code in (200, 202), answer.content
        paths.add((request.path, request.content_type))
    while drain(slot=0):
        pass  # it gives other tasks their turn now and then

    status = status_of(alpha)
    found = {
        "sent": status.digested_events + status.rejected_events + status.quarantined,
        "stored": status.stored_events,
        "duplicate": status.duplicate_events,
        "rejected": status.rejected_events,
        "quarantined": status.quarantined,
    }
    assert found == mix.due
    assert len(paths) == len(BODIES)
    assert mix.due["sent"] > 0.99 * N_ITEMS
    assert mix.due["rejected"] + mix.due["quarantined"] > 0.04 * N_ITEMS
    assert mix.due["duplicate"] > 0.15 * N_ITEMS
    assert Event.objects.filter(name__startswith="ledger.").count() == mix.n_events
    assert all(UNSTORABLE in bytes(row.body).decode() for row in Quarantined.objects.all())
    assert drift_of(alpha.pk) == []

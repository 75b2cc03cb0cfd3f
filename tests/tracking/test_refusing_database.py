"""A database that refuses for a passing reason: doors say so, digests wait, nothing is lost.

SQLSTATEs as PostgreSQL raises them when a disk is full, connections run out, a statement takes too
long, transactions meet in a deadlock, or somebody restarts it.
"""

import pytest
from django.db import connection
from django.utils import timezone

from tests.flows import digest_all, drift_of, make_span, send_events, status_of
from tests.tracking.doors import DOORS, post
from tracking.models import InboxBatch

pytestmark = pytest.mark.usefixtures("open_pipeline")

PASSING = {
    "disk full": "53100",
    "out of memory": "53200",
    "too many connections": "53300",
    "statement timeout": "57014",
    "shutting down": "57P01",
    "lock timeout": "55P03",
    "deadlock": "40P01",
    "serialization": "40001",
    "read only": "25006",
    "input and output": "58030",
}


@pytest.fixture
def refuse():
    """Make a table refuse new rows with a SQLSTATE, until the test ends or says ``None``."""
    made = []

    def drop():
        with connection.cursor() as cursor:
            for table in made:
                cursor.execute(f"DROP TRIGGER refuse ON {table}")
            cursor.execute("DROP FUNCTION IF EXISTS refuse_rows")
        made.clear()

    def refuse(table, code):
        drop()
        if code is None:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE FUNCTION refuse_rows() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = '{code}'; END $$"
            )
            cursor.execute(
                f"CREATE TRIGGER refuse BEFORE INSERT ON {table}"
                " FOR EACH ROW EXECUTE FUNCTION refuse_rows()"
            )
        made.append(table)

    yield refuse
    drop()


@pytest.mark.parametrize("path", DOORS)
@pytest.mark.parametrize("code", PASSING.values(), ids=PASSING)
def test_the_door_says_to_come_again_and_takes_the_next_request(sender, refuse, path, code):
    post(sender, path)
    refuse("tracking_inboxbatch", code)

    answer = post(sender, path)

    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert b"not now" not in answer.content  # what the database said is for the log
    assert InboxBatch.objects.count() == 1
    refuse("tracking_inboxbatch", None)
    assert post(sender, path).status_code in {200, 202}
    assert InboxBatch.objects.count() == 2


@pytest.mark.parametrize("table", ["tracking_event", "tracking_usagerollup", "tracking_session"])
@pytest.mark.parametrize("code", PASSING.values(), ids=PASSING)
def test_a_digest_waits_and_loses_nothing(alpha, sender, refuse, table, code):
    send_events(sender, [make_span("t", "a"), make_span("t", "b")])
    refuse(table, code)

    digest_all()

    status = status_of(alpha)
    assert (status.stored_events, status.quarantined, status.pending_events) == (0, 0, 2)
    refuse(table, None)
    InboxBatch.objects.update(lease_until=timezone.now())
    digest_all()
    status = status_of(alpha)
    assert (status.stored_events, status.quarantined, status.pending_events) == (2, 0, 0)
    assert drift_of(alpha.pk) == []

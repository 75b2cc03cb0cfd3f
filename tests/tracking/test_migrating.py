"""Migrations beside a running release: they queue nobody, and the code meets tables that grew."""

import threading
import time
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.urls import reverse
from psycopg.errors import LockNotAvailable

from core.migrating import migrate_patiently
from tests.flows import (
    digest_all,
    drift_of,
    make_sender,
    make_span,
    send_events,
    send_scores,
    status_of,
)
from tests.tracking.connecting import own_parameters
from tests.tracking.streams import make_stream

SESSIONS = "tracking_session"
TABLES = (
    "SELECT c.oid::regclass::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
)


def run(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)


def has_column(table, name):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM " + table + " LIMIT 0")
        return name in [column.name for column in cursor.description]


@contextmanager
def reader_of(table):
    """Somebody else's transaction that reads a table and does not end."""
    with psycopg.connect(**own_parameters()) as other:
        # Should anybody wait for it, then not for ever.
        other.execute("SET idle_in_transaction_session_timeout = '20s'")
        other.execute(f"SELECT FROM {table} LIMIT 1")
        yield other


@contextmanager
def migrating(statement):
    """A migration at work in a thread of its own; gives the list of what it has done."""
    done = []

    def migrate():
        try:
            migrate_patiently(lambda: run(statement), pause=0.2)
            done.append(statement)
        finally:
            connection.close()

    thread = threading.Thread(target=migrate)
    thread.start()
    try:
        yield done
    finally:
        thread.join(30.0)


@pytest.fixture
def as_before():
    yield
    run(f"ALTER TABLE {SESSIONS} DROP COLUMN IF EXISTS later")


@pytest.mark.usefixtures("open_pipeline", "as_before")
def test_nobody_waits_behind_a_migration_that_waits_for_a_reader(alpha):
    sender = make_sender(alpha)
    with migrating_while_read(f"ALTER TABLE {SESSIONS} ADD COLUMN later integer") as done:
        began = time.monotonic()
        for number in range(3):
            send_events(sender, [make_span(f"t{number}", "a", session_id=f"s{number}")])
            digest_all()
        seconds = time.monotonic() - began
        was_done = list(done)

    assert status_of(alpha).stored_events == 3
    assert was_done == []
    assert seconds < 15.0  # the reader reads on for twenty
    assert len(done) == 1
    assert has_column(SESSIONS, "later")
    assert drift_of(alpha.pk) == []


@contextmanager
def migrating_while_read(statement):
    """The reader goes before the migration is waited for."""
    with ExitStack() as stack:
        other = stack.enter_context(reader_of(SESSIONS))
        with migrating(statement) as done:
            time.sleep(0.5)  # by then it waits for the reader
            yield done
            other.rollback()


@pytest.mark.usefixtures("open_pipeline")
def test_a_lock_that_nobody_gives_ends_in_an_error_and_others_do_at_once():
    tries = []

    def refused():
        tries.append("lock")
        run(f"ALTER TABLE {SESSIONS} ADD COLUMN later integer")

    def broken():
        tries.append("other")
        run("SELECT nothing_like_it()")

    with reader_of(SESSIONS), pytest.raises(OperationalError) as raised:
        migrate_patiently(refused, tries=2, pause=0.0)
    with pytest.raises(Exception, match="nothing_like_it"):
        migrate_patiently(broken)

    assert isinstance(raised.value.__cause__, LockNotAvailable)
    assert tries == ["lock", "lock", "other"]
    with connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        assert cursor.fetchone() == ("0",)


@pytest.mark.django_db(transaction=True)
def test_the_command_is_the_patient_one(capsys):
    call_command("migrate", verbosity=1)

    assert "No migrations to apply" in capsys.readouterr().out


@pytest.mark.usefixtures("pipeline")
def test_this_release_works_on_tables_that_a_later_one_expanded(alpha, bob_client):
    """Expanding is a column that may be null or has a default, a table, an index."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # of rows that fixtures made
        cursor.execute(TABLES)
        tables = [table for (table,) in cursor.fetchall() if table != "django_migrations"]
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN later integer NOT NULL DEFAULT 7")
            cursor.execute(f"ALTER TABLE {table} ADD COLUMN later_text text")
    assert {"tracking_event", "tracking_session", "core_apikey"} <= set(tables)
    sender = make_sender(alpha)

    for seed in range(3):
        stream = make_stream(seed)
        send_events(sender, stream)
        send_events(sender, stream[:5])  # sent again
        digest_all()
    send_scores(sender, {"session_id": "session-1", "name": "n", "value": 1})
    digest_all()

    status = status_of(alpha)
    assert (status.quarantined, status.rejected_events, status.pending_events) == (0, 0, 0)
    assert status.stored_events > 50
    assert drift_of(alpha.pk) == []
    for name in ("overview", "session-list", "trace-list", "event-list", "settings-ingestion"):
        page = bob_client.get(reverse(f"tracking:{name}", args=["alpha"]), {"range": "7d"})
        assert page.status_code == 200

"""Who stores events holds the rules: their change waits, and binds all who come after."""

import threading
from contextlib import contextmanager

import psycopg
import pytest
from django.db import OperationalError, connection, transaction
from django.utils import timezone
from psycopg.errors import LockNotAvailable

from core.models import Job
from tests.flows import make_sender, make_span, send_events
from tests.tracking.connecting import own_parameters
from tracking import repricing, retention
from tracking.documents import _lock_of, lock_documents, locked_documents
from tracking.draining import drain
from tracking.erasure import start_erasure
from tracking.events import Part
from tracking.models import ErasedSubject, Event
from tracking.project_prices import load_book, note_change
from tracking.rules import Rules, change_rules, held_rules, read_rules
from tracking.staging import open_cursor


@pytest.mark.usefixtures("pipeline")
def test_a_project_lets_all_in_that_it_does_not_mask(alpha):
    alpha.masking = {"patterns": [], "own": []}
    alpha.save()

    with open_cursor() as cursor:
        assert read_rules(cursor, alpha.pk).lets_all_in is True
        assert read_rules(cursor, -1) == Rules()


@pytest.mark.usefixtures("pipeline")
def test_by_default_only_secrets_are_looked_for(alpha):
    with open_cursor() as cursor:
        rules = read_rules(cursor, alpha.pk)

    assert (rules.capture_content, rules.horizon_us, rules.has_erased) == (True, 0, False)
    assert rules.masker.mask_text("ada@example.com sk-proj-" + "abcd1234" * 4) == (
        "ada@example.com [secret]",
        {"secret": 1},
    )


@pytest.fixture
def digesting(open_pipeline, alpha):
    """Somebody, on a connection of their own, who holds the rules until told to let go."""
    held, let_go = threading.Event(), threading.Event()

    def hold():
        with open_cursor() as cursor, held_rules(cursor, alpha.pk):
            held.set()
            let_go.wait(30)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(30)
    yield let_go
    let_go.set()
    thread.join(30)


def try_to_change(project):
    with transaction.atomic(), open_cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '300ms'")
        change_rules(cursor, project.pk)


def test_a_change_waits_for_those_at_work(digesting, alpha, beta):
    try_to_change(beta)
    with pytest.raises(LockNotAvailable):
        try_to_change(alpha)

    digesting.set()
    with transaction.atomic(), open_cursor() as cursor:
        change_rules(cursor, alpha.pk)


def test_others_may_store_meanwhile(digesting, alpha):
    send_events(make_sender(alpha), [make_span("t", "a", user_id="ada")])

    assert drain(slot=0) == 1
    assert Event.objects.count() == 1


def test_a_tombstone_stands_only_when_nobody_stores_what_it_refuses(digesting, alpha):
    done = threading.Event()

    def erase():
        start_erasure(alpha, "user", "ada")
        done.set()
        connection.close()

    thread = threading.Thread(target=erase)
    thread.start()
    assert not done.wait(0.5)
    assert not ErasedSubject.objects.exists()

    digesting.set()
    thread.join(30)

    assert done.is_set()
    assert ErasedSubject.objects.count() == 1


@pytest.mark.parametrize("phase", ["_documents", "_sessions", "_traces"])
def test_what_may_still_grow_expires_only_when_nobody_stores(digesting, alpha, phase):
    job = Job(project=alpha, kind=retention.KIND, place=place_of(phase))

    with pytest.raises(LockNotAvailable):
        step_soon(retention.do_step, job)
    digesting.set()
    step_soon(retention.do_step, job, seconds=30)

    assert job.place["phase"] == place_of(phase)["phase"] + 1


def test_the_last_look_of_repricing_is_after_all_that_knew_old_prices(
    digesting, alpha, monkeypatch
):
    monkeypatch.setattr(repricing, "SETTLED_AFTER", 0.0)
    note_change(alpha, None, "price.reprice")
    hour = timezone.now().isoformat()
    stamp = load_book(alpha.pk).stamp
    job = Job(
        project=alpha,
        kind=repricing.KIND,
        place={"stamp": stamp, "first": hour, "hour": None},
    )

    with pytest.raises(LockNotAvailable):
        step_soon(repricing.reprice_step, job)
    digesting.set()

    assert step_soon(repricing.reprice_step, job, seconds=30) is False
    assert job.place["is_last_look"] is True


def place_of(phase):
    number = [each.__name__ for _, each in retention.PHASES].index(phase)
    at = timezone.now().isoformat()
    return {"phase": number, "horizons": {"events": at, "summaries": at}}


def step_soon(step, job, *, seconds=0.3):
    with transaction.atomic(), open_cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{seconds}s'")
        return step(job)


def test_rules_are_let_go_after_a_failure(open_pipeline, alpha):
    with pytest.raises(OperationalError), open_cursor() as cursor, held_rules(cursor, alpha.pk):
        raise OperationalError("lost")

    try_to_change(alpha)


def test_locks_of_documents_are_let_go_where_one_is_not_to_be_had(open_pipeline, alpha):
    parts = [Part(system="notes", key=str(n), body=b"{}", received_us=0) for n in range(3)]
    done = threading.Event()

    def try_to_lock():
        with transaction.atomic(), open_cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '300ms'")
            for part in parts:
                lock_documents(cursor, alpha.pk, [(part.system, part.key)])
        done.set()
        connection.close()

    with locked_by_another(alpha, parts), open_cursor() as cursor:
        cursor.execute("SET lock_timeout = '300ms'")
        with pytest.raises(LockNotAvailable), locked_documents(cursor, alpha.pk, parts):
            pytest.fail("all three were locked")

    thread = threading.Thread(target=try_to_lock)
    thread.start()
    thread.join(30)
    assert done.is_set()


@contextmanager
def locked_by_another(project, parts):
    """The last of the documents, in the order of their locks, locked on another connection."""
    last = max(_lock_of(project.pk, part.system, part.key) for part in parts)
    with psycopg.connect(**own_parameters(), autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [last])
        yield

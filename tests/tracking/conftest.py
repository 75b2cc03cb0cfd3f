"""The pipeline of tests: door, inbox, digest and tables, in one transaction that is rolled back."""

import pytest
from django.db import connection
from django.utils import timezone

from tests.flows import drift_of, forget_process_caches
from tests.tracking.stage import play_day
from tracking.partitions import ensure_ahead


@pytest.fixture(scope="session")
def weeks_ahead(django_db_setup, django_db_blocker):
    """Partitions of these weeks, made once: tests need not make them under their transactions."""
    with django_db_blocker.unblock():
        forget_process_caches()
        ensure_ahead(timezone.now())


@pytest.fixture
def pipeline(weeks_ahead, db):
    """Start and leave with no knowledge of a database that a roll-back is about to change."""
    forget_process_caches()
    delete_facts()
    yield
    forget_process_caches()


@pytest.fixture
def open_pipeline(weeks_ahead, transactional_db):
    """The same with real commits, for tests of several connections."""
    forget_process_caches()
    delete_facts()
    yield
    connection.close()  # a test may have broken it
    delete_facts()
    forget_process_caches()


@pytest.fixture
def no_drift(alpha, pipeline):
    """Afterwards the aggregates are what the events add up to."""
    yield
    assert drift_of(alpha.pk) == []


@pytest.fixture(scope="module")
def day(django_db_setup, django_db_blocker):
    """The project of a day that was sent once for all tests of a file."""
    with django_db_blocker.unblock():
        yield from play_day()


def delete_facts():
    """The tables that Django does not manage are not emptied after transactional tests."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM tracking_event")
        cursor.execute("DELETE FROM tracking_payload")

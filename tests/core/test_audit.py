import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import ProtectedError

from core.audit import record_audit
from core.models import AuditEntry


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE core_auditentry SET actor_label = 'nobody'",
        "DELETE FROM core_auditentry",
    ],
)
def test_the_database_refuses_to_change_the_record(alpha, alice, statement):
    record_audit(alpha, alice, "project.rename", target="alpha")

    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)

    assert AuditEntry.objects.get().actor_label == "alice"


def test_the_database_refuses_to_empty_the_record(alpha):
    record_audit(alpha, None, "project.rename")

    with transaction.atomic(), connection.cursor() as cursor:
        # Lifted in the test database (tests/cast.py).
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE core_auditentry ENABLE TRIGGER core_auditentry_no_truncate")
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            cursor.execute("TRUNCATE core_auditentry")
        cursor.execute("ALTER TABLE core_auditentry DISABLE TRIGGER core_auditentry_no_truncate")

    assert AuditEntry.objects.count() == 1


def test_a_purge_that_says_so_may_remove_entries(alpha):
    record_audit(alpha, None, "project.rename")

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL assay.purge = 'on'")
        cursor.execute("DELETE FROM core_auditentry")
        cursor.execute("SET LOCAL assay.purge = 'off'")

    assert not AuditEntry.objects.exists()


def test_who_acted_cannot_be_deleted(alpha, alice):
    record_audit(alpha, alice, "project.rename")

    with pytest.raises(ProtectedError):
        alice.delete()


def test_an_actor_without_account_is_named(alpha):
    entry = record_audit(alpha, None, "experiment.start", actor_label="key ak_12345678")

    assert entry.actor_label == "key ak_12345678"
    assert record_audit(alpha, None, "project.purge").actor_label == "system"

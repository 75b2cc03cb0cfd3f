import re
import time
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core import keys
from core.keys import KeyFormatError, authenticate_key, forget_cached_keys, issue_key, revoke_key
from core.models import ApiKey, AuditEntry


def test_it_makes_a_key_that_works(alpha):
    key, raw = issue_key(alpha, "server", ["read", "ingest"], None)

    info = authenticate_key(raw)

    assert re.fullmatch(r"ak_[0-9a-f]{8}_[0-9a-f]{64}", raw)
    assert raw.startswith(key.prefix)
    assert info is not None
    assert (info.project_id, info.project_slug, info.scopes) == (
        alpha.pk,
        "alpha",
        frozenset({"ingest", "read"}),
    )


def test_it_keeps_only_the_digest(alpha):
    _, raw = issue_key(alpha, "server", ["read"], None)

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT k::text FROM core_apikey k UNION SELECT a::text FROM core_auditentry a"
        )
        stored = "".join(row[0] for row in cursor.fetchall())

    assert raw not in stored
    assert raw.rsplit("_", 1)[1] not in stored


def test_a_given_key_works_and_its_beginning_stays_secret(alpha):
    raw = "correct-horse-battery-staple-0123456789"

    key, returned = issue_key(alpha, "given", ["read"], None, raw=raw)

    assert returned == raw
    assert authenticate_key(raw) is not None
    assert raw[:6] not in key.prefix


@pytest.mark.parametrize(
    "raw", ["short", "x" * 31, "x" * 513, "x" * 40 + "\n", "é" * 40, "a b" * 20]
)
def test_it_refuses_a_given_key_that_is_weak_or_unprintable(alpha, raw):
    with pytest.raises(KeyFormatError):
        issue_key(alpha, "given", ["read"], None, raw=raw)


@pytest.mark.parametrize(
    "raw", ["", "ak_00000000_" + "0" * 64, "\x00", "\udcff" * 40, "x" * 5000], ids=ascii
)
def test_it_knows_no_other_key(alpha, raw):
    issue_key(alpha, "server", ["read"], None)

    assert authenticate_key(raw) is None


def test_it_asks_the_database_once_for_many_requests(alpha_key, django_assert_num_queries):
    authenticate_key(alpha_key)

    with django_assert_num_queries(0):
        assert authenticate_key(alpha_key) is not None


def test_a_key_revoked_elsewhere_is_refused_once_the_cache_ran_out(alpha, monkeypatch):
    monkeypatch.setattr(keys, "CACHE_SECONDS", 0.0)
    key, raw = issue_key(alpha, "server", ["read"], None)
    assert authenticate_key(raw) is not None

    ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())

    assert authenticate_key(raw) is None


def test_the_cache_runs_out_within_five_seconds():
    assert keys.CACHE_SECONDS <= 5


def test_revoking_works_at_once_in_this_process_and_is_audited(alpha, alice):
    key, raw = issue_key(alpha, "server", ["read"], alice)
    authenticate_key(raw)

    assert revoke_key(key, alice) is True
    assert revoke_key(key, alice) is False
    assert authenticate_key(raw) is None
    assert list(AuditEntry.objects.values_list("action", "target", "actor_label")) == [
        ("api_key.revoke", key.prefix, "alice"),
        ("api_key.create", key.prefix, "alice"),
    ]


def test_an_expired_key_is_refused(alpha):
    _, raw = issue_key(
        alpha, "old", ["read"], None, expires_at=timezone.now() - timedelta(seconds=1)
    )

    assert authenticate_key(raw) is None


def test_the_cache_does_not_outlive_the_expiry(alpha, monkeypatch):
    monkeypatch.setattr(keys, "CACHE_SECONDS", 600.0)
    _, raw = issue_key(
        alpha, "soon", ["read"], None, expires_at=timezone.now() + timedelta(seconds=60)
    )
    assert authenticate_key(raw) is not None

    deadline, _ = next(iter(keys._cache.values()))

    assert deadline - time.monotonic() <= 60


def test_the_key_of_an_archived_project_is_refused(alpha, alpha_key):
    alpha.archived_at = timezone.now()
    alpha.save()

    assert authenticate_key(alpha_key) is None


def test_it_notes_the_last_use_at_most_once_a_minute(alpha_key):
    authenticate_key(alpha_key)
    first = ApiKey.objects.get().last_used_at
    forget_cached_keys()

    with CaptureQueriesContext(connection) as queries:
        authenticate_key(alpha_key)

    assert first is not None
    assert ApiKey.objects.get().last_used_at == first
    assert not [query for query in queries.captured_queries if "UPDATE" in query["sql"]]


def test_the_database_refuses_unknown_scopes(alpha):
    with pytest.raises(IntegrityError, match="core_apikey_scopes_known"), transaction.atomic():
        issue_key(alpha, "odd", [], None)

"""What a process remembers may be old, lost or of another project: nobody is let in by it."""

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from core.keys import authenticate_key, forget_cached_keys, issue_key
from core.models import ApiKey
from core.rate_limits import take_request
from tests.cast import make_client

HEADERS = {"content_type": "application/json"}


@pytest.fixture
def limited(alpha):
    return authenticate_key(issue_key(alpha, "slow", ["ingest"], None, rate_limit=3)[1])


def spread(key_id, until):
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_keyallowance AS a (key_id, spread_until) VALUES (%s, " + until + ")"
            " ON CONFLICT (key_id) DO UPDATE SET spread_until = excluded.spread_until",
            [key_id],
        )


def test_nobody_else_can_write_what_a_process_remembers():
    """A cache that machines share would have to be trusted by all of them."""
    backends = {each["BACKEND"] for each in settings.CACHES.values()}

    assert backends == {"django.core.cache.backends.locmem.LocMemCache"}


def test_what_is_forgotten_midway_changes_no_answer(alpha, alpha_key):
    client = make_client(key=alpha_key)
    answers = []
    for _ in range(3):
        answers.append(client.post("/api/v1/events", b'{"type": "n"}', **HEADERS).status_code)
        forget_cached_keys()
        cache.clear()

    assert answers == [202, 202, 202]


def test_a_key_is_never_taken_for_another_ones(alpha, beta):
    raws = {project: issue_key(project, "k", ["ingest"], None)[1] for project in (alpha, beta)}

    for _ in range(2):  # from the database, then from memory
        for project, raw in raws.items():
            assert authenticate_key(raw).project_id == project.pk
        assert authenticate_key(raws[alpha][:-1]) is None


def test_a_key_whose_hash_was_tampered_with_opens_nothing(alpha, alpha_key):
    forget_cached_keys()
    ApiKey.objects.update(secret_hash="0" * 64)

    assert authenticate_key(alpha_key) is None


@pytest.mark.parametrize(
    "until",
    ["'infinity'", "clock_timestamp() + interval '1 day'", "clock_timestamp() + interval '1 hour'"],
)
def test_a_rate_noted_before_the_clock_was_set_back_refuses_nobody(limited, until):
    spread(limited.key_id, until)

    assert take_request(limited) is True
    assert not all(take_request(limited) for _ in range(50))


def test_a_rate_that_is_lost_begins_anew(limited):
    while take_request(limited):
        pass
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE core_keyallowance")  # as after a crash: the table is not logged

    assert take_request(limited) is True

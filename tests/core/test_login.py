import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client, RequestFactory
from django.utils import timezone

from core.models import LoginThrottle
from core.throttling import (
    MAX_FAILURES_OF_ADDRESS,
    MAX_FAILURES_OF_PAIR,
    client_address,
    count_failure,
    is_throttled,
)

PASSWORD = "a good pass phrase"
NOW = timezone.now()


@pytest.fixture(autouse=True)
def _quick_hasher(settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def anna(db):
    return User.objects.create_user("anna", password=PASSWORD)


def sign_in(client, username="anna", password=PASSWORD, **more):
    return client.post("/login", {"username": username, "password": password, **more})


def test_it_signs_in_and_goes_to_the_projects(anna, client):
    response = sign_in(client)

    assert (response.status_code, response["Location"]) == (302, "/")
    assert client.get("/").status_code == 200


def test_it_changes_the_session_id(anna, client):
    client.get("/login")
    client.session["seed"] = 1
    before = client.session.session_key

    sign_in(client)

    assert client.session.session_key != before


def test_it_answers_alike_whatever_is_wrong(anna, client):
    User.objects.create_user("idle", password=PASSWORD, is_active=False)

    answers = [
        sign_in(client, username=username, password=password).content.replace(
            username.encode(), b"NAME"
        )
        for username, password in [("anna", "wrong"), ("nobody", "wrong"), ("idle", PASSWORD)]
    ]

    bodies = {strip_token(answer) for answer in answers}
    assert len(bodies) == 1
    assert b"That did not work" in bodies.pop()


def strip_token(page: bytes) -> bytes:
    return re.sub(rb"[A-Za-z0-9]{64}", b"TOKEN", page)


def test_it_never_shows_the_password_again(anna, client):
    assert b"hunter2-canary" not in sign_in(client, password="hunter2-canary").content


def test_too_many_failures_lock_the_pair_of_account_and_address(anna, client):
    for _ in range(MAX_FAILURES_OF_PAIR):
        sign_in(client, password="wrong")

    assert sign_in(client).status_code == 200
    assert client.get("/").status_code == 302
    assert sign_in(Client(REMOTE_ADDR="192.0.2.7")).status_code == 302


def test_the_lock_ends_after_its_window(anna):
    for _ in range(MAX_FAILURES_OF_PAIR):
        count_failure("anna", "192.0.2.1", now=NOW)

    assert is_throttled("ANNA", "192.0.2.1", now=NOW) is True
    assert is_throttled("anna", "192.0.2.1", now=NOW + timedelta(minutes=16)) is False


def test_many_accounts_from_one_address_are_locked_too(db):
    for n in range(MAX_FAILURES_OF_ADDRESS):
        count_failure(f"user-{n}", "192.0.2.1", now=NOW)

    assert is_throttled("somebody-else", "192.0.2.1", now=NOW) is True
    assert is_throttled("somebody-else", "192.0.2.2", now=NOW) is False


def test_old_counts_are_removed(db):
    count_failure("anna", "192.0.2.1", now=NOW - timedelta(hours=2))

    count_failure("anna", "192.0.2.9", now=NOW)

    assert LoginThrottle.objects.count() == 2


def test_a_good_login_forgets_the_failures_of_its_account_only(anna, client):
    sign_in(client, password="wrong")

    sign_in(client)

    assert [row.n_failures for row in LoginThrottle.objects.all()] == [1]


@pytest.mark.parametrize(
    ("proxies", "forwarded", "address"),
    [
        (0, "198.51.100.1", "127.0.0.1"),
        (1, "203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (2, "203.0.113.9, 198.51.100.1, 10.0.0.1", "198.51.100.1"),
        (2, "198.51.100.1", "127.0.0.1"),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "<script>", "unknown"),
    ],
)
def test_it_believes_only_what_trusted_proxies_saw(settings, proxies, forwarded, address):
    settings.TRUSTED_PROXIES = proxies

    request = RequestFactory().get("/login", headers={"x-forwarded-for": forwarded})

    assert client_address(request) == address


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example/",
        "///evil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "https:evil.example",
        "http:///evil.example",
        "javascript:alert(1)",
        "\tjavascript:alert(1)",
        "/\t/evil.example",
        "http://testserver@evil.example/",
        "%2f%2fevil.example",
        "",
        "\x00/",
    ],
    ids=ascii,
)
def test_it_never_leads_elsewhere(anna, client, target):
    assert sign_in(client, next=target)["Location"] == "/"


def test_it_leads_back_to_the_page_asked_for(anna, client):
    asked = client.get("/p/alpha/settings/keys/?page=2")

    assert asked["Location"] == "/login?next=/p/alpha/settings/keys/%3Fpage%3D2"
    assert sign_in(client, next="/p/alpha/?range=7d")["Location"] == "/p/alpha/?range=7d"


def test_a_fragment_asked_for_after_the_session_ended_moves_the_whole_page(client, db):
    response = client.get(
        "/login",
        headers={
            "hx-request": "true",
            "hx-current-url": "http://testserver/p/alpha/?range=7d&live=1",
        },
    )

    assert response["HX-Redirect"] == "/login?next=/p/alpha/%3Frange%3D7d%26live%3D1"


def test_it_signs_out_by_post_alone(anna, client):
    sign_in(client)

    assert client.get("/logout").status_code == 405
    assert client.post("/logout")["Location"] == "/login"
    assert client.get("/").status_code == 302


def test_it_wants_the_csrf_token(anna):
    client = Client(enforce_csrf_checks=True)

    refused = sign_in(client)

    assert refused.status_code == 403
    assert b"This form is out of date" in refused.content


def test_the_admin_uses_the_same_door(anna, client):
    assert client.get("/admin/login/")["Location"] == "/login?next=/admin/"
    sign_in(client)
    assert client.get("/admin/").status_code == 302
    assert client.get("/admin/", follow=True).status_code == 403


def test_superusers_reach_the_admin(db, client):
    User.objects.create_superuser("root", password=PASSWORD)
    sign_in(client, username="root")

    assert client.get("/admin/").status_code == 200
    for model in ("project", "membership", "apikey", "auditentry", "heartbeat"):
        assert client.get(f"/admin/core/{model}/").status_code == 200
        assert client.get(f"/admin/core/{model}/add/").status_code == 403


def test_staff_alone_are_kept_out_of_the_admin(db, client):
    User.objects.create_user("staff", password=PASSWORD, is_staff=True)
    sign_in(client, username="staff")

    assert client.get("/admin/core/project/").status_code == 302

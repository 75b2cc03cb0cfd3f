"""Requests of machines pass by what is there for people, and lose none of the protection."""

import pytest
from django.contrib.sessions.backends.base import SessionBase

from tests.flows import make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def door(alpha):
    client = make_sender(alpha)
    return lambda **headers: client.post(
        "/api/v1/events", "{", content_type="application/json", headers=headers
    )


def test_an_answer_of_a_door_carries_the_headers_of_any_answer(door):
    response = door()

    assert response.status_code == 400
    assert response["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Cache-Control"] == "private, no-store"
    assert response["Referrer-Policy"] == "same-origin"


def test_a_door_never_opens_a_session(door, monkeypatch):
    monkeypatch.setattr(SessionBase, "_get_session", lambda self, **_: pytest.fail("a session"))

    assert door(cookie="sessionid=abc").status_code == 400


def test_a_host_that_is_not_ours_is_refused_at_a_door_too(door, settings):
    settings.ALLOWED_HOSTS = ["assay.example"]

    assert door(host="evil.example").status_code == 400
    assert b"Invalid" not in door(host="assay.example").content


def test_pages_keep_their_own_policy(client):
    assert "script-src" in client.get("/login").headers["Content-Security-Policy"]

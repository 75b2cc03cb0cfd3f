"""Whose long bodies are received."""

from base64 import b64encode

import pytest
from django.contrib.sessions.backends.db import SessionStore

from core.keys import issue_key, issue_publishable_key, revoke_key
from core.models import Scope
from core.serving.admission import is_known_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def issued(alpha):
    return issue_key(alpha, "test", [Scope.INGEST], actor=None)


def basic(password):
    return "Basic " + b64encode(f"somebody:{password}".encode()).decode()


def known(path="/v1/traces", **variables):
    return is_known_sender({"PATH_INFO": path, **variables})


def test_a_valid_key_is_known_wherever_it_stands(issued, alpha):
    _, raw = issued
    page_key = issue_publishable_key(alpha, "page", actor=None).public_text

    assert known(HTTP_AUTHORIZATION=f"Bearer {raw}") is True
    assert known(HTTP_AUTHORIZATION=basic(raw)) is True
    assert known(HTTP_X_API_KEY=raw) is True
    assert known(f"/k/{page_key}/api/v1/events") is True


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"HTTP_AUTHORIZATION": "Bearer nothing"},
        {"HTTP_AUTHORIZATION": "Basic ?"},
        {"HTTP_AUTHORIZATION": "Bearer"},
        {"HTTP_X_API_KEY": ""},
        {"HTTP_COOKIE": "sessionid=nothing"},
        {"HTTP_COOKIE": "sessionid; ;;=,\x00"},
        {"path": "/k/nothing/api/v1/events"},
        {"path": "/k/"},
    ],
)
def test_others_are_not(variables):
    assert known(**variables) is False


def test_a_revoked_key_is_not(issued):
    key, raw = issued
    revoke_key(key, actor=None)

    assert known(HTTP_X_API_KEY=raw) is False


def test_a_session_is_known_once_somebody_signed_in(alice_client):
    cookie = alice_client.cookies["sessionid"].value
    nobody = SessionStore()
    nobody["theme"] = "dark"
    nobody.save()

    assert known("/p/alpha/events/upload/", HTTP_COOKIE=f"a=b; sessionid={cookie}") is True
    assert known("/p/alpha/events/upload/", HTTP_COOKIE=f"sessionid={nobody.session_key}") is False

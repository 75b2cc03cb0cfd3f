"""What every answer says to the browser."""

import pytest
from django.conf import settings
from django.test import Client

ANSWERS = ["/login", "/", "/nothing", "/api/v1/nothing", "/api/schema/", "/p/alpha/settings/keys/"]


@pytest.mark.parametrize("path", ANSWERS)
def test_every_answer_is_private_and_locked_down(alice_client, path):
    response = alice_client.get(path)

    assert response["Cache-Control"] == "private, no-store"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert "camera=()" in response["Permissions-Policy"]


@pytest.mark.parametrize("path", [*ANSWERS, "/admin/login/", "/api/docs/"])
def test_the_content_policy_is_strict_everywhere(alice_client, path):
    policy = alice_client.get(path)["Content-Security-Policy"]

    assert "default-src 'none'" in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.parametrize(
    "path", ["/login", "/p/alpha/settings/keys/", "/p/alpha/settings/members/"]
)
def test_pages_hold_no_inline_script_or_style(alice, path):
    client = Client()
    if path != "/login":
        client.force_login(alice)

    page = client.get(path).content.decode()

    assert "<style" not in page
    assert "<script>" not in page
    for handler in (' style="', ' onclick="', ' onload="', "javascript:"):
        assert handler not in page


@pytest.mark.parametrize("suffix", [".css", ".js", "/x.css", "/..%2fstatic%2fx.css", ";.css"])
def test_no_suffix_makes_a_private_page_cacheable(alice_client, suffix):
    response = alice_client.get(f"/p/alpha/settings/keys{suffix}")

    assert response["Cache-Control"] == "private, no-store"


def test_an_unknown_host_is_refused(client, db):
    response = client.get("/login", headers={"host": "evil.example"})

    assert response.status_code == 400
    assert b"evil" not in response.content


def test_cookies_are_kept_from_scripts_and_other_sites(client, db, alice):
    client.force_login(alice)
    client.get("/login")

    assert settings.SESSION_COOKIE_HTTPONLY is True
    assert settings.SESSION_COOKIE_SAMESITE == settings.CSRF_COOKIE_SAMESITE == "Lax"


def test_no_api_answer_invites_another_origin(client, db):
    response = client.get("/api/schema/", headers={"origin": "https://evil.example"})

    assert "Access-Control-Allow-Origin" not in response

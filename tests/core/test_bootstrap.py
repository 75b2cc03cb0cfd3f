import json
from datetime import UTC, datetime

import pytest
from django.contrib.auth.models import User

from core.announcement import announcement, curl_line
from core.bootstrap import BootstrapError, Login, ensure_admin, ensure_key, ensure_project
from core.keys import authenticate_key, issue_key, revoke_key
from core.management.commands.bootstrap import needs_demo
from core.models import ApiKey, Project, Scope

GIVEN = "an-operator-chose-this-key-0123456789"


@pytest.fixture(autouse=True)
def installation(settings, tmp_path, db):
    settings.DATA_DIR = type(settings.DATA_DIR)(tmp_path)
    settings.DEMO_API_KEY = settings.ADMIN_PASSWORD = ""
    settings.ADMIN_USERNAME = "admin"


@pytest.fixture
def demo() -> Project:
    return ensure_project(User.objects.create_superuser("owner"))


def test_the_first_admin_gets_a_password_that_works_and_is_told_once():
    first, second = ensure_admin(), ensure_admin()

    assert User.objects.get(is_superuser=True).check_password(first.password) is True
    assert second == Login("admin", "")


def test_a_password_that_an_unfinished_first_start_may_not_have_told_is_made_anew():
    ensure_admin()

    again = ensure_admin(is_unfinished=True)

    assert User.objects.get(username="admin").check_password(again.password) is True


def test_who_has_signed_in_keeps_the_password():
    first = ensure_admin()
    User.objects.update(last_login=datetime(2026, 1, 2, tzinfo=UTC))

    assert ensure_admin(is_unfinished=True) == Login("admin", "")
    assert User.objects.get(username="admin").check_password(first.password) is True


def test_a_given_password_is_used_as_given(settings):
    settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD = "root", "x"

    assert ensure_admin() == Login("root", "x")
    assert User.objects.get(username="root").check_password("x") is True


def test_a_password_changed_later_is_not_reset(settings):
    settings.ADMIN_PASSWORD = "first"
    ensure_admin()
    user = User.objects.get(username="admin")
    user.set_password("second")
    user.save()

    assert ensure_admin() == Login("admin", "")
    assert User.objects.get(username="admin").check_password("second") is True


def test_the_key_stays_the_same_and_is_kept_for_its_owner_alone(demo, settings):
    first, second = ensure_key(demo), ensure_key(demo)

    assert first == second
    assert authenticate_key(first).scopes == frozenset(Scope.values)
    assert settings.DATA_DIR.demo_key.stat().st_mode & 0o777 == 0o600


def test_a_key_of_another_database_is_replaced(demo, settings):
    old = ensure_key(demo)
    ApiKey.objects.all().delete()
    from core.keys import forget_cached_keys

    forget_cached_keys()

    assert ensure_key(demo) != old


def test_a_revoked_key_stays_revoked(demo):
    ensure_key(demo)
    revoke_key(ApiKey.objects.get(), None)

    assert ensure_key(demo) == ""
    assert ApiKey.objects.count() == 1


def test_a_given_key_is_used_as_given_and_issued_once(demo, settings):
    settings.DEMO_API_KEY = GIVEN

    assert ensure_key(demo) == ensure_key(demo) == GIVEN
    assert authenticate_key(GIVEN).project_slug == "demo"


@pytest.mark.parametrize(
    ("key", "said"),
    [("short", "32 to 512 printable"), ("with a space " * 4, "printable"), ("ü" * 40, "printable")],
)
def test_a_given_key_of_the_wrong_shape_is_refused(demo, settings, key, said):
    settings.DEMO_API_KEY = key

    with pytest.raises(BootstrapError, match=f"ASSAY_API_KEY: .*{said}"):
        ensure_key(demo)


def test_a_given_key_of_another_project_is_refused(demo, settings):
    settings.DEMO_API_KEY = GIVEN
    issue_key(Project.objects.create(slug="other"), "k", [Scope.READ], None, raw=GIVEN)

    with pytest.raises(BootstrapError, match="belongs to the project other"):
        ensure_key(demo)


@pytest.mark.parametrize(
    ("state", "wanted", "needed"),
    [
        ({}, True, True),
        ({}, False, False),
        ({"phase": "demo", "now": "2026-01-01T00:00:00+00:00"}, True, True),
        ({"phase": "failed"}, True, True),
        ({"phase": "ready"}, True, False),
        ({"phase": "ready", "demo": "skipped"}, True, True),
    ],
)
def test_the_demo_data_is_loaded_once(settings, state, wanted, needed):
    settings.DEMO = wanted

    assert needs_demo(state) is needed


def test_the_address_of_the_curl_line_is_quoted_where_a_shell_would_expand_it():
    line = curl_line("http://[::1]:8000", "key", now=datetime(2026, 1, 2, tzinfo=UTC))

    assert line.startswith("curl -sS 'http://[::1]:8000/api/v1/events' -H ")


def test_the_curl_line_is_one_line_with_a_quoted_key_and_a_valid_body():
    line = curl_line("http://h:1", "it's-a-key", now=datetime(2026, 1, 2, tzinfo=UTC))

    import shlex

    words = shlex.split(line)
    assert "\n" not in line
    assert "Authorization: Bearer it's-a-key" in words
    assert json.loads(words[-1])["data"]["end"] == "2026-01-02T00:00:00+00:00"


def test_the_block_never_shows_an_empty_password_or_key():
    block = announcement("http://h:1", Login("admin", ""), "", now=datetime(2026, 1, 2, tzinfo=UTC))

    assert "as printed at the first start" in block
    assert "revoked" in block

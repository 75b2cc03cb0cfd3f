import re
from datetime import UTC, datetime

import pytest
from django.utils import timezone

from core.audit import record_audit
from core.keys import authenticate_key, issue_key
from core.models import ApiKey, AuditEntry, Membership, Role
from tests.cast import make_client, make_user

KEYS = "/p/alpha/settings/keys/"
MEMBERS = "/p/alpha/settings/members/"
AUDIT = "/p/alpha/settings/audit/"


def made_key(page: bytes) -> str:
    found = re.search(rb"ak_[0-9a-f]{8}_[0-9a-f]{64}", page)
    assert found is not None
    return found[0].decode()


def test_a_new_key_is_shown_once_and_works(alice_client):
    response = alice_client.post(KEYS, {"name": "server", "scopes": ["ingest", "read"]})

    info = authenticate_key(made_key(response.content))
    assert info is not None
    assert info.scopes == {"ingest", "read"}
    assert not re.search(rb"ak_[0-9a-f]{8}_[0-9a-f]{64}", alice_client.get(KEYS).content)


def test_a_key_may_expire(alice_client):
    alice_client.post(KEYS, {"name": "soon", "scopes": ["read"], "expires_on": "2999-12-31"})

    assert ApiKey.objects.get().expires_at == datetime(3000, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "", "scopes": ["read"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["root"]},
        {"name": "x", "scopes": ["read"], "expires_on": "2001-01-01"},
        {"name": "x", "scopes": ["read"], "expires_on": "9999-12-31"},
        {"name": "x" * 121, "scopes": ["read"]},
        {"name": "nul\x00", "scopes": ["read"]},
    ],
    ids=str,
)
def test_it_makes_no_key_from_a_bad_form(alice_client, fields):
    assert alice_client.post(KEYS, fields).status_code == 400
    assert not ApiKey.objects.exists()


def test_it_revokes_a_key(alice_client, alpha):
    key, raw = issue_key(alpha, "server", ["read"], None)

    response = alice_client.post(f"{KEYS}{key.pk}/revoke/", follow=True)

    assert authenticate_key(raw) is None
    assert "revoked" in response.content.decode()


def test_it_revokes_no_key_of_another_project(alice_client, beta):
    key, raw = issue_key(beta, "other", ["read"], None)

    assert alice_client.post(f"{KEYS}{key.pk}/revoke/").status_code == 404
    assert authenticate_key(raw) is not None


def test_viewers_see_keys_but_cannot_make_them(bob_client, alpha):
    issue_key(alpha, "server", ["read"], None)

    page = bob_client.get(KEYS).content.decode()

    assert "server" in page
    assert "New key" not in page
    assert bob_client.post(KEYS, {"name": "x", "scopes": ["read"]}).status_code == 403


def test_it_adds_a_member(alice_client, alpha, charlie):
    alice_client.post(MEMBERS, {"username": "charlie", "role": "analyst"})

    assert Membership.objects.get(project=alpha, user=charlie).role == Role.ANALYST


@pytest.mark.parametrize(
    "fields",
    [
        {"username": "nobody", "role": "viewer"},
        {"username": "alice", "role": "viewer"},
        {"username": "charlie", "role": "god"},
        {"username": "asleep", "role": "viewer"},
    ],
    ids=str,
)
def test_it_adds_nobody_from_a_bad_form(alice_client, charlie, fields):
    make_user("asleep", is_active=False)

    assert alice_client.post(MEMBERS, fields).status_code == 400
    assert Membership.objects.count() == 1


def test_it_changes_and_removes_members(alice_client, bob):
    bobs = Membership.objects.get(user=bob)

    alice_client.post(f"{MEMBERS}{bobs.pk}/role/", {"role": "editor"})
    bobs.refresh_from_db()
    alice_client.post(f"{MEMBERS}{bobs.pk}/remove/")

    assert bobs.role == Role.EDITOR
    assert not Membership.objects.filter(user=bob).exists()


def test_the_last_owner_cannot_leave(alice_client, alice):
    own = Membership.objects.get(user=alice)

    response = alice_client.post(f"{MEMBERS}{own.pk}/remove/", follow=True)

    assert "A project needs an owner" in response.content.decode()
    assert Membership.objects.filter(user=alice).exists()


def test_admins_make_no_owners(dana, alice, bob):
    bobs = Membership.objects.get(user=bob)

    make_client(dana).post(f"{MEMBERS}{bobs.pk}/role/", {"role": "owner"})

    bobs.refresh_from_db()
    assert bobs.role == Role.VIEWER


def test_a_role_that_does_not_exist_changes_nothing(alice_client, bob):
    bobs = Membership.objects.get(user=bob)

    response = alice_client.post(f"{MEMBERS}{bobs.pk}/role/", {"role": "god"}, follow=True)

    assert "There is no such role" in response.content.decode()


def test_members_of_another_project_cannot_be_touched(alice_client, beta):
    theirs = Membership.objects.get(project=beta)

    assert alice_client.post(f"{MEMBERS}{theirs.pk}/remove/").status_code == 404
    assert alice_client.post(f"{MEMBERS}{theirs.pk}/role/", {"role": "viewer"}).status_code == 404
    assert Membership.objects.filter(pk=theirs.pk, role=Role.OWNER).exists()


def test_every_change_leaves_an_entry(alice_client, alice, bob):
    alice_client.post(KEYS, {"name": "server", "scopes": ["read"]})
    alice_client.post(f"{KEYS}{ApiKey.objects.get().pk}/revoke/")
    bobs = Membership.objects.get(user=bob)
    alice_client.post(f"{MEMBERS}{bobs.pk}/role/", {"role": "editor"})
    alice_client.post(f"{MEMBERS}{bobs.pk}/remove/")
    alice_client.post(MEMBERS, {"username": "bob", "role": "viewer"})

    entries = AuditEntry.objects.order_by("id")

    assert list(entries.values_list("action", flat=True)) == [
        "api_key.create",
        "api_key.revoke",
        "member.role",
        "member.remove",
        "member.add",
    ]
    assert set(entries.values_list("actor_label", "project__slug")) == {("alice", "alpha")}


def test_the_audit_page_pages_back_through_everything(alice_client, alpha):
    for n in range(150):
        record_audit(alpha, None, "experiment.look", target=f"look-{n:03}")

    first = alice_client.get(AUDIT)
    second = alice_client.get(f"{AUDIT}?cursor={first.context['next_cursor']}")

    seen = [entry.target for page in (first, second) for entry in page.context["entries"]]
    assert seen == [f"look-{n:03}" for n in reversed(range(150))]
    assert second.context["next_cursor"] == ""


def test_hostile_names_are_escaped(alice_client, alpha):
    hostile = "<img src=x onerror=alert(1)>"
    issue_key(alpha, hostile, ["read"], None)
    record_audit(alpha, None, "x", target=hostile, detail={hostile: hostile})

    for page in (KEYS, AUDIT):
        assert "<img src=x" not in alice_client.get(page).content.decode()


@pytest.mark.parametrize("page", [KEYS, MEMBERS, AUDIT])
def test_pages_take_few_queries(alice_client, alpha, page, django_assert_max_num_queries):
    for n in range(20):
        issue_key(alpha, f"key-{n}", ["read"], None)

    with django_assert_max_num_queries(6):
        assert alice_client.get(page).status_code == 200


def test_the_project_list_shows_own_projects_alone(alice_client, bob, beta):
    page = alice_client.get("/").content.decode()

    assert "Alpha" in page
    assert "2 members" in page
    assert "canary-5c1f" not in page


def test_a_superuser_sees_every_project(root, alpha, beta):
    page = make_client(root).get("/").content.decode()

    assert "Alpha" in page
    assert "canary-5c1f" in page


def test_who_has_no_project_is_told_how_to_get_one(charlie_client):
    assert "create_project my-project" in charlie_client.get("/").content.decode()


def test_an_archived_project_is_gone(alice_client, alpha):
    alpha.archived_at = timezone.now()
    alpha.save()

    assert alice_client.get(KEYS).status_code == 404
    assert "Alpha" not in alice_client.get("/").content.decode()

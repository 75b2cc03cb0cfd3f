from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.core.exceptions import ValidationError
from django.db import connection

from core.models import AuditEntry, Membership, Project, Role
from core.projects import (
    MembershipError,
    add_member,
    change_member_role,
    create_project,
    remove_member,
)
from tests.cast import make_member


def role_of(project, user):
    return Membership.objects.get(project=project, user=user).role


def test_it_makes_a_project_with_its_owner(charlie):
    project = create_project("shop", "Shop", owner=charlie)

    assert role_of(project, charlie) == "owner"
    assert AuditEntry.objects.get().action == "project.create"


@pytest.mark.parametrize(
    "slug", ["alpha", "", "Shop", "-shop", "shop-", "a/b", "a b", "x" * 65, "ä"]
)
def test_it_refuses_a_slug_that_is_taken_or_misshapen(alpha, slug):
    with pytest.raises(ValidationError):
        create_project(slug, "Shop")

    assert Project.objects.count() == 1


def test_a_user_is_a_member_once(alpha, alice, bob):
    with pytest.raises(MembershipError, match="bob is a member already"):
        add_member(alpha, bob, Role.EDITOR, actor=alice)

    assert role_of(alpha, bob) == "viewer"


def test_a_change_of_role_is_audited_with_both_roles(alpha, alice, bob):
    change_member_role(Membership.objects.get(user=bob), Role.EDITOR, actor=alice)

    entry = AuditEntry.objects.get()
    assert (entry.action, entry.target) == ("member.role", "bob")
    assert entry.detail == {"before": "viewer", "after": "editor"}


def test_the_last_owner_stays(alpha, alice):
    membership = Membership.objects.get(user=alice)

    with pytest.raises(MembershipError, match="needs an owner"):
        remove_member(membership, actor=alice)
    with pytest.raises(MembershipError, match="needs an owner"):
        change_member_role(membership, Role.VIEWER, actor=alice)

    assert role_of(alpha, alice) == "owner"


def test_one_of_two_owners_may_leave(alpha, alice):
    make_member(alpha, "olga", Role.OWNER)

    remove_member(Membership.objects.get(user=alice), actor=alice)

    assert not Membership.objects.filter(user=alice).exists()


def test_nobody_rises_above_their_own_role(alpha, alice, dana, charlie):
    with pytest.raises(MembershipError, match="that role or a higher one"):
        change_member_role(Membership.objects.get(user=dana), Role.OWNER, actor=dana)
    with pytest.raises(MembershipError, match="that role or a higher one"):
        add_member(alpha, charlie, Role.OWNER, actor=dana)
    with pytest.raises(MembershipError, match="that role or a higher one"):
        remove_member(Membership.objects.get(user=alice), actor=dana)


def test_a_member_removed_meanwhile_is_said_so(alpha, alice, bob):
    stale = Membership.objects.get(user=bob)
    remove_member(Membership.objects.get(user=bob), actor=alice)

    with pytest.raises(MembershipError, match="removed meanwhile"):
        change_member_role(stale, Role.EDITOR, actor=alice)


@pytest.mark.django_db(transaction=True)
def test_two_owners_who_remove_each_other_leave_one(alpha, alice):
    olga = make_member(alpha, "olga", Role.OWNER)
    pairs = [(alice, olga), (olga, alice)]
    start = Barrier(len(pairs), timeout=60)

    def remove(actor, other):
        start.wait()
        try:
            remove_member(Membership.objects.get(user=other), actor=actor)
        except (MembershipError, Membership.DoesNotExist) as error:
            return str(error)
        finally:
            connection.close()
        return "removed"

    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(lambda pair: remove(*pair), pairs))

    assert sorted(outcome == "removed" for outcome in outcomes) == [False, True]
    assert Membership.objects.filter(project=alpha, role=Role.OWNER).count() == 1

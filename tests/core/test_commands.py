import pytest
from django.core.management import CommandError, call_command

from core.keys import authenticate_key
from core.models import Membership, Project, Role
from tests.cast import make_user


def test_it_makes_a_project_with_an_owner(charlie, capsys):
    call_command("create_project", "shop", "Shop", owner="charlie")

    assert Project.objects.get().name == "Shop"
    assert Membership.objects.get().role == Role.OWNER
    assert "/p/shop/" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments", [["alpha"], ["No Slug"], ["shop", "--owner", "nobody"]], ids=str
)
def test_it_refuses_a_bad_project(alpha, arguments):
    with pytest.raises(CommandError):
        call_command("create_project", *arguments)


def test_it_prints_a_key_and_nothing_else(alpha, capsys):
    call_command("create_key", "alpha", "server", scopes=["ingest"], days=7)

    info = authenticate_key(capsys.readouterr().out.strip())
    assert info is not None
    assert info.scopes == {"ingest"}


def test_a_key_has_every_scope_unless_told(alpha, capsys):
    call_command("create_key", "alpha")

    info = authenticate_key(capsys.readouterr().out.strip())
    assert info is not None
    assert info.scopes == {"ingest", "read", "manage"}


@pytest.mark.parametrize("arguments", [["nothing"], ["alpha", "--days", "0"]], ids=str)
def test_it_refuses_a_bad_key(alpha, arguments):
    with pytest.raises(CommandError):
        call_command("create_key", *arguments)


def test_it_adds_a_member(alpha):
    user = make_user("nina")

    call_command("add_member", "alpha", "nina", "editor")

    assert Membership.objects.get(user=user).role == Role.EDITOR
    with pytest.raises(CommandError, match="member already"):
        call_command("add_member", "alpha", "nina")


@pytest.mark.parametrize("arguments", [["nothing", "charlie"], ["alpha", "nobody"]], ids=str)
def test_it_refuses_a_bad_member(alpha, charlie, arguments):
    with pytest.raises(CommandError, match="There is no"):
        call_command("add_member", *arguments)

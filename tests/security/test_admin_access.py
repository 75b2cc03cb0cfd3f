"""The Django admin: support pages for superusers, prompts for the editors of their project."""

import re
from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.urls import URLPattern, URLResolver

from core.models import Role
from prompts.acting import Author
from prompts.drafts import Draft, create_draft, create_prompt
from prompts.models import Prompt
from tests.cast import make_client, make_member
from tests.security.access_table import PROMPT_ADMIN
from tests.security.routes import address_of

PROMPTS = "prompts/prompt/"
CASES = [(route, method) for route, methods in PROMPT_ADMIN.items() for method in methods]


def walk(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern.url_patterns, route)
        else:
            yield route


ROUTES = sorted(walk(admin.site.get_urls()))
# The whole admin but its front page, the two doors and what is for editors.
OPEN = {"", "login/", "logout/"}
SUPPORT = [each for each in ROUTES if each not in OPEN and not each.startswith(PROMPTS)]


@pytest.fixture
def prompt(alpha, root):
    author = Author.of_user(root)
    prompt = create_prompt(alpha, "greet", author)
    create_draft(prompt, Draft(system="canary-5c1f"), author)
    return prompt


def address(route: str, prompt: Prompt | None = None) -> str:
    named = route.replace("<int:prompt_id>", str(prompt.pk if prompt else 1))
    return address_of(f"admin/{PROMPTS}{named}")


def test_every_address_of_the_prompts_admin_has_its_row():
    found = {each.removeprefix(PROMPTS) for each in ROUTES if each.startswith(PROMPTS)}

    assert found == PROMPT_ADMIN.keys()


@pytest.mark.parametrize("route", SUPPORT)
def test_support_pages_are_for_superusers_alone(alice, root, client, route):
    path = re.sub(r"\(\?P<app_label>(\w+)[^)]*\)", r"\1", route)
    path = address_of(f"admin/{path}").replace("^", "").replace("$", "")

    assert client.get(path)["Location"].startswith(("/login", "/admin/login/"))
    assert make_client(alice).get(path)["Location"].startswith("/admin/login/")
    assert "login" not in make_client(root).get(path).get("Location", "")


def test_who_is_signed_in_and_may_not_is_told_so(alice, bob):
    assert make_client(bob).get("/admin/prompts/prompt/", follow=True).status_code == 403
    assert make_client(alice).get("/admin/core/project/", follow=True).status_code == 403


def test_the_front_page_leads_editors_to_their_prompts(alice, bob, root):
    assert make_client(alice).get("/admin/")["Location"] == "/admin/prompts/prompt/"
    assert make_client(bob).get("/admin/", follow=True).status_code == 403
    assert make_client(root).get("/admin/").status_code == 200


def test_the_admins_login_is_ours(client, db):
    page = client.get("/admin/login/?next=/admin/prompts/prompt/")

    assert page["Location"] == "/login?next=/admin/prompts/prompt/"


@pytest.mark.parametrize(("route", "method"), CASES)
def test_the_prompts_admin_sends_the_unknown_to_the_login(client, prompt, route, method):
    response = client.generic(method, address(route, prompt))

    assert response.status_code == 302
    assert response["Location"].startswith("/login?next=/admin/")


@pytest.mark.parametrize(("route", "method"), CASES)
def test_prompts_do_not_exist_for_editors_of_other_projects(prompt, beta, charlie, route, method):
    response = make_client(charlie).generic(method, address(route, prompt))

    assert response.status_code == (404 if "prompt_id" in route else 200)
    assert b"canary-5c1f" not in response.content.replace(b"Beta canary-5c1f", b"")
    assert b"greet" not in response.content


@pytest.mark.parametrize(("route", "method"), CASES)
def test_the_prompts_admin_asks_for_the_role_of_the_table(alpha, prompt, route, method):
    needed = PROMPT_ADMIN[route][method]

    for role in Role:
        client = make_client(make_member(alpha, role, role))
        response = client.generic(method, address(route, prompt))
        sent_away = response.get("Location", "").startswith("/admin/login/")
        if role.covers(needed):
            assert response.status_code in {200, 302, 400, 404}, role
            assert sent_away is False, role
        else:
            assert response.status_code == 403 or sent_away, role
    assert not prompt.versions.exclude(published_at=None).exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_an_editor_of_one_project_only_reads_another(alpha, beta, prompt, role):
    reader = make_member(alpha, "reader", role)
    beta.memberships.create(user=reader, role=Role.EDITOR)

    assert make_client(reader).get(address("<int:prompt_id>/change/", prompt)).status_code == 403
    assert b"greet" not in make_client(reader).get(address("")).content


@pytest.mark.parametrize("route", PROMPT_ADMIN)
def test_the_prompts_admin_takes_no_other_method(root, prompt, route):
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE"} - PROMPT_ADMIN[route].keys():
        response = make_client(root).generic(method, address(route, prompt))
        assert response.status_code == 405, method


@pytest.mark.parametrize("route", [each for each in PROMPT_ADMIN if "POST" in PROMPT_ADMIN[each]])
def test_the_prompts_admin_wants_the_csrf_token(root, prompt, route):
    client = make_client(root, enforce_csrf_checks=True)

    assert client.post(address(route, prompt)).status_code == 403

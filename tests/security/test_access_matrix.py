"""Every route × every actor, against the checked-in table."""

import pytest
from django.utils import timezone

from core.keys import forget_cached_keys, issue_publishable_key
from core.models import ApiKey, Role
from tests.cast import make_client, make_member
from tests.security.access_table import API, OPEN, PAGES, PUBLISHABLE, SIGNED_IN
from tests.security.routes import address_of, all_routes

PAGE_CASES = [(route, method) for route, methods in PAGES.items() for method in methods]
API_CASES = [(route, method) for route, methods in API.items() for method in methods]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
OPEN_TO_PUBLISHABLE = {route.split(")/", 1)[1] for route in PUBLISHABLE}
SCOPES = ("ingest", "read", "manage")


def ask(client, method, route):
    return client.generic(method, address_of(route), b"{}", content_type="application/json")


def test_every_route_has_its_row():
    assert set(all_routes()) == OPEN | SIGNED_IN | PUBLISHABLE | PAGES.keys() | API.keys()


@pytest.mark.parametrize(("route", "method"), PAGE_CASES)
def test_pages_send_the_unknown_to_the_login(db, route, method):
    response = ask(make_client(), method, route)

    assert response.status_code == 302
    assert response["Location"].startswith("/login?next=/p/alpha/")


@pytest.mark.parametrize(("route", "method"), PAGE_CASES)
def test_pages_do_not_exist_for_strangers_and_keys(alpha, charlie, alpha_key, route, method):
    assert ask(make_client(charlie), method, route).status_code == 404
    assert ask(make_client(key=alpha_key), method, route).status_code == 302


@pytest.mark.parametrize(("route", "method"), PAGE_CASES)
def test_pages_ask_for_the_role_of_the_table(alpha, route, method):
    needed = PAGES[route][method]

    for role in Role:
        status = ask(make_client(make_member(alpha, role, role)), method, route).status_code
        if role.covers(needed):
            assert status in {200, 204, 302, 400, 404}, role
        else:
            assert status == 403, role


@pytest.mark.parametrize("route", PAGES)
def test_pages_take_no_other_method(alice_client, route):
    for method in set(METHODS) - PAGES[route].keys():
        assert ask(alice_client, method, route).status_code == 405, method


@pytest.mark.parametrize("route", [route for route, methods in PAGES.items() if "POST" in methods])
def test_pages_want_the_csrf_token(alice, route):
    client = make_client(alice, enforce_csrf_checks=True)

    assert ask(client, "POST", route).status_code == 403


@pytest.mark.parametrize("route", SIGNED_IN)
def test_pages_without_a_project_want_a_login(client, db, route):
    assert ask(client, "GET", route)["Location"].startswith("/login")


@pytest.mark.parametrize(("route", "method"), API_CASES)
def test_the_api_wants_a_key_and_no_session(alice_client, beta, alpha_key, route, method):
    assert ask(make_client(), method, route).status_code == 401
    assert ask(alice_client, method, route).status_code == 401

    ApiKey.objects.update(revoked_at=timezone.now())

    assert ask(make_client(key=alpha_key), method, route).status_code == 401


@pytest.mark.parametrize(("route", "method"), API_CASES)
def test_the_api_asks_for_the_scope_of_the_table(make_key, route, method):
    for scope in SCOPES:
        status = ask(make_client(key=make_key(scope)), method, route).status_code
        if scope == API[route][method]:
            assert status not in {401, 403}, scope
            assert status < 500, scope
        else:
            assert status == 403, scope


@pytest.mark.parametrize("route", sorted(PUBLISHABLE))
def test_doors_for_pages_take_a_publishable_key_in_the_address_alone(alpha, alpha_key, route):
    key = issue_publishable_key(alpha, "page", None).public_text
    address = address_of(route)

    def post(text, **options):
        client = make_client(**options)
        return client.post(address.replace("x1", text), b"{}", content_type="text/plain")

    assert post(key).status_code == 202
    assert post(alpha_key).status_code == 401
    assert post("unknown", key=alpha_key).status_code == 401
    ApiKey.objects.update(revoked_at=timezone.now())
    forget_cached_keys()
    assert post(key).status_code == 401


@pytest.mark.parametrize(("route", "method"), API_CASES)
def test_a_publishable_key_opens_no_other_door(alpha, route, method):
    key = issue_publishable_key(alpha, "page", None).public_text
    sends = method == "POST" and route in OPEN_TO_PUBLISHABLE

    status = ask(make_client(key=key), method, route).status_code
    assert status in ({202, 400} if sends else {403})


@pytest.mark.parametrize(("route", "method"), [case for case in PAGE_CASES if case[1] == "GET"])
def test_no_page_shows_another_project(alice_client, beta, route, method):
    assert b"canary-5c1f" not in ask(alice_client, method, route).content

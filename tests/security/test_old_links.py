"""Links to further pages of lists, kept too long: each page shows its first page and says so."""

import pytest
from django.core import signing

from core.access import OLD_LINK
from tests.experiments.arms import add_arm_of, count_digested

pytestmark = pytest.mark.django_db

LISTS = [
    "/p/alpha/sessions/",
    "/p/alpha/traces/",
    "/p/alpha/events/",
    "/p/alpha/events/?live=1",
    "/p/alpha/runs/",
    "/p/alpha/runs/?tab=benchmarks",
    "/p/alpha/runs/?tab=unattached",
    "/p/alpha/prompts/",
    "/p/alpha/experiments/tone/?variant=warm",
    "/p/alpha/settings/audit/",
    "/p/alpha/settings/privacy/",
]


@pytest.fixture
def tone(alpha):
    add_arm_of(alpha, "tone", "control", 3)
    add_arm_of(alpha, "tone", "warm", 3)
    count_digested(alpha)


@pytest.fixture
def asked(monkeypatch):
    """The salts that signatures of cursors are read with: the project and the list."""
    salts, loads = [], signing.loads

    def noting(text, *, salt="", **options):
        if salt.startswith("cursor:"):
            salts.append(salt)
        return loads(text, salt=salt, **options)

    monkeypatch.setattr(signing, "loads", noting)
    return salts


def further(address, cursor):
    return f"{address}{'&' if '?' in address else '?'}cursor={cursor}"


def assert_first_page(client, address, cursor):
    response = client.get(further(address, cursor))
    text = response.content.decode()

    assert response.status_code == 200
    assert OLD_LINK in text
    assert "First page" not in text
    assert cursor not in text
    assert OLD_LINK not in client.get(address).content.decode()  # it is said once


@pytest.mark.usefixtures("tone")
@pytest.mark.parametrize("address", LISTS)
def test_a_link_that_means_nothing_here_shows_the_first_page(alice_client, alpha, address, asked):
    assert_first_page(alice_client, address, "forged")
    [salt] = asked
    _, project_id, name = salt.split(":", 2)
    assert project_id == str(alpha.pk)
    place = ["2026-03-04T09:15:00+00:00", "x"]

    of_another_project = signing.dumps(place, salt=f"cursor:{alpha.pk + 1}:{name}", compress=True)
    assert_first_page(alice_client, address, of_another_project)
    of_another_list = signing.dumps(place, salt=f"{salt}&q=x", compress=True)
    assert_first_page(alice_client, address, of_another_list)


def test_lists_do_not_share_their_links(alice_client, tone, asked):
    for address in LISTS:
        alice_client.get(further(address, "forged"))

    follows_the_same = 1  # the log of events, live or not
    assert len(asked) == len(LISTS)
    assert len(set(asked)) == len(LISTS) - follows_the_same


def test_a_part_of_a_page_that_grew_old_is_shown_from_its_beginning(alice_client, alpha):
    address = "/p/alpha/settings/privacy/erasures/"

    response = alice_client.get(further(address, "forged"), headers={"HX-Request": "true"})

    assert response.status_code == 200
    assert "forged" not in response.content.decode()
    assert OLD_LINK not in alice_client.get("/p/alpha/").content.decode()


def test_a_followed_log_that_grew_old_loads_its_page_anew(alice_client, alpha):
    address = "/p/alpha/events/?live=1&after=forged"

    response = alice_client.get(address, headers={"HX-Request": "true"})

    assert response.headers["HX-Refresh"] == "true"


def test_what_writes_is_not_done_twice(alice_client, alpha):
    address = further("/p/alpha/settings/privacy/erase/", "forged")

    assert alice_client.post(address, {"kind": "user", "name": ""}).status_code == 400

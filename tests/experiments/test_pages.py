from datetime import timedelta
from urllib.parse import quote

import pytest
from django.urls import reverse
from django.utils import timezone

from experiments.models import ResultSnapshot
from tests.experiments.arms import add_arm_of, add_run, add_session, count_digested
from tracking.models import ArmSeen

pytestmark = pytest.mark.django_db

EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def tone(alpha):
    add_arm_of(alpha, "tone", "control", 120, failing=20)
    add_arm_of(alpha, "tone", "warm", 125, failing=25, value=lambda index: index % 5)
    count_digested(alpha)
    return alpha


def detail(key, slug="alpha"):
    return reverse("experiments:detail", args=[slug, key])


def text_of(response):
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_shows_the_verdict_and_the_units(alice_client, tone):
    page = text_of(alice_client.get("/p/alpha/experiments/"))

    assert 'id="experiments"' in page
    assert "Can&#x27;t tell" in page
    assert "245 of 5,000 planned" in page


def test_an_empty_list_says_how_to_send_the_first_data(alice_client, alpha):
    page = text_of(alice_client.get("/p/alpha/experiments/"))

    assert "No experiments yet" in page
    assert "curl" in page


def test_the_list_filters_by_status(alice_client, tone):
    page = text_of(alice_client.get("/p/alpha/experiments/?status=paused"))

    assert "No experiment has this status" in page


def test_the_page_shows_verdict_health_and_leaderboard(alice_client, tone):
    page = text_of(alice_client.get(detail("tone")))

    for landmark in ("verdict", "health", "leaderboard"):
        assert f'id="{landmark}"' in page
    assert "Can&#x27;t tell yet: anything from −" in page
    assert "83.3 %" in page
    assert 'class="interval' in page


def test_a_fragment_and_the_page_give_the_same_number(alice_client, tone):
    fragment = text_of(alice_client.get(detail("tone"), headers={"HX-Request": "true"}))

    assert "<html" not in fragment
    assert "83.3 %" in fragment


def test_a_live_page_gets_nothing_when_nothing_changed(alice_client, tone):
    token = alice_client.get(detail("tone")).context["token"]

    response = alice_client.get(detail("tone") + f"?seen={token}", headers={"HX-Request": "true"})

    assert response.status_code == 204


def test_a_live_page_is_told_that_units_matured(alice_client, alpha):
    add_session(alpha, "young", "warm", "u-1", at=timezone.now())
    count_digested(alpha)
    before = alice_client.get(detail("young")).context["token"]
    ArmSeen.objects.update(first_seen=timezone.now() - timedelta(hours=2))
    ResultSnapshot.objects.update(computed_at=timezone.now() - timedelta(minutes=2))

    response = alice_client.get(detail("young") + f"?seen={before}", headers={"HX-Request": "true"})

    assert response.status_code == 200
    assert response.context["results"]["variants"][0]["maturing"] == 0


def test_a_number_leads_to_as_many_units(alice_client, tone):
    page = text_of(alice_client.get(detail("tone") + "?variant=warm&metric=success_rate"))

    assert 'data-count="125"' in page
    assert page.count("<tr data-row>") == 50
    assert "Next page" in page


def test_failed_units_are_exactly_those(alice_client, tone):
    page = text_of(alice_client.get(detail("tone") + "?variant=warm&state=failed"))

    assert 'data-count="25"' in page
    assert page.count("<tr data-row>") == 25
    assert "Next page" not in page


def test_a_pick_shows_the_worst(alice_client, tone):
    page = text_of(alice_client.get(detail("tone") + "?variant=warm&pick=worst"))

    assert page.count("<tr data-row>") == 20


def test_the_next_page_of_units_holds_the_rest(alice_client, tone):
    path = detail("tone") + "?variant=warm"
    page = text_of(alice_client.get(path))
    following = page.split('rel="next"')[0].rsplit('href="', 1)[1].split('"')[0]

    second = text_of(alice_client.get(detail("tone") + following.replace("&amp;", "&")))

    assert second.count("<tr data-row>") == 50
    assert "First page" in second


def test_a_selection_that_selects_nothing_is_said(alice_client, tone):
    response = alice_client.get(detail("tone") + "?metric=nonsense")

    assert response.status_code == 400
    assert "This link selects nothing" in response.content.decode()


def test_names_of_strangers_are_escaped(alice_client, alpha):
    add_session(alpha, EVIL, EVIL, "s1")

    for path in ("/p/alpha/experiments/", detail(EVIL), detail(EVIL) + f"?variant={quote(EVIL)}"):
        assert "<img" not in text_of(alice_client.get(path)).replace('<img src="/static/', "")


@pytest.mark.parametrize("key", ["a/b", "running-experiments", "50%", "a?b#c", "../x"])
def test_a_key_may_hold_any_character(alice_client, alpha, key):
    add_session(alpha, key, "a", "s1")

    assert 'id="verdict"' in text_of(alice_client.get(detail(key)))


def test_runs_show_their_errors(alice_client, alpha):
    add_run(alpha, "runs", "a", "r1", outcome="failed")
    add_run(alpha, "runs", "a", "r2", metric_value=0.5)

    page = text_of(alice_client.get(detail("runs")))

    assert 'id="errors"' in page
    assert "Runs" in page


def test_the_overview_gets_the_running_experiments(alice_client, tone):
    page = text_of(alice_client.get(reverse("experiments:running-fragment", args=["alpha"])))

    assert "Running experiments" in page
    assert "<html" not in page


@pytest.mark.parametrize("path", ["", "tone/", "tone/?variant=warm"])
def test_a_stranger_sees_nothing(charlie_client, tone, path):
    assert charlie_client.get(f"/p/alpha/experiments/{path}").status_code == 404


def test_a_reader_may_look(bob_client, tone):
    assert bob_client.get(detail("tone")).status_code == 200


def test_an_unknown_experiment_is_a_404(alice_client, alpha):
    assert alice_client.get(detail("none")).status_code == 404


def test_pages_only_read(alice_client, tone):
    assert alice_client.post(detail("tone")).status_code == 405


@pytest.mark.parametrize("path", ["", "tone/", "tone/?variant=warm&metric=success_rate"])
def test_pages_need_few_queries(alice_client, tone, django_assert_max_num_queries, path):
    alice_client.get(f"/p/alpha/experiments/{path}")

    with django_assert_max_num_queries(15):
        alice_client.get(f"/p/alpha/experiments/{path}")

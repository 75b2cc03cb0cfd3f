import json
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments import api_urls
from experiments.declarations import RESERVED_ENDS
from experiments.models import Experiment, ResultSnapshot
from experiments.unit_lists import STATES, Selection, count_in, count_kept
from tests.cast import make_client
from tests.experiments.arms import add_arm, add_arm_of, add_run, add_session, count_digested

pytestmark = pytest.mark.django_db

URL = "/api/v1/experiments"


@pytest.fixture
def tone(alpha):
    """An experiment of sessions: control 120 with 20 failures, warm 100 with 5."""
    add_arm_of(alpha, "tone", "control", 120, failing=20)
    add_arm_of(alpha, "tone", "warm", 100, failing=5, value=lambda index: index % 5)
    count_digested(alpha)
    return alpha


def get(api, path, **query):
    response = api.get(f"{URL}{path}", query)
    assert response.status_code == 200, response.content
    return response.json()


def test_it_lists_experiments_that_events_named(api, tone):
    add_session(tone, "later", "a", "s1")

    found = get(api, "")["results"]

    assert [one["key"] for one in found] == ["tone", "later"]
    assert found[0]["unit"] == "session"
    assert found[0]["units"] == 220
    assert [variant["key"] for variant in found[0]["variants"]] == ["control", "warm"]
    assert found[1]["verdict"]["code"] == "nothing_to_compare"


def test_it_pages_the_list(api, alpha):
    for name in "abc":
        add_session(alpha, name, "a", f"s-{name}")

    first = get(api, "", page_size=2)
    second = api.get(first["next"]).json()

    assert len(first["results"]) == 2
    assert [one["key"] for one in second["results"]] == ["a"]
    assert second["next"] is None


def test_one_experiment_tells_its_definition(api, tone):
    found = get(api, "/tone")

    assert (found["key"], found["source"], found["status"]) == ("tone", "discovered", "running")
    assert found["tuning_units"] == 5000


def test_results_have_the_published_shape(api, tone):
    found = get(api, "/tone/results")

    assert found["experiment"] == "tone"
    assert found["variants"][0]["excluded"] == {
        "several_variants": 0,
        "fallback": 0,
        "forced": 0,
        "before_start": 0,
    }
    metric = found["metrics"][0]
    assert {"key", "role", "type", "direction", "arms", "comparisons"} <= set(metric)
    assert {"alpha", "tuning_units", "cap", "method_version"} <= set(metric)
    assert {"variant", "n", "missing", "mean", "sums"} <= set(metric["arms"][0])
    wanted = "variant vs diff ci fixed_ci relative relative_ci p_always_valid p_fixed"
    assert {*wanted.split(), "chance_to_win", "expected_loss", "status"} <= set(
        metric["comparisons"][0]
    )
    assert found["srm"]["status"] == "ok"
    assert found["as_of_lag_seconds"] >= 0


def test_unmeasured_metrics_are_no_zeros(api, alpha):
    add_session(alpha, "tone", "a", "1")
    add_session(alpha, "tone", "b", "2")

    metric = get(api, "/tone/results")["metrics"][1]

    assert metric["key"] == "metric_value"
    assert metric["comparisons"][0]["status"] == "no_units"
    assert metric["comparisons"][0]["p_always_valid"] is None
    assert [arm["mean"] for arm in metric["arms"]] == [None, None]


def test_every_number_has_exactly_its_units(api, tone):
    add_arm(tone, "tone", "warm", "control-0", "control-0", at=long_ago(), kind="session")
    results = get(api, "/tone/results")

    for metric in results["metrics"]:
        for arm in metric["arms"]:
            found = get(api, "/tone/sessions", variant=arm["variant"], metric=metric["key"])
            assert found["count"] == arm["n"]
    for variant in results["variants"]:
        found = get(api, "/tone/sessions", variant=variant["key"], page_size=200)
        assert found["count"] == variant["units"] == len(found["results"])
        several = get(api, "/tone/sessions", variant=variant["key"], state="several")
        assert several["count"] == variant["excluded"]["several_variants"]


@pytest.mark.parametrize("state", [*STATES, ""])
@pytest.mark.parametrize("variant", ["warm", "control", ""])
@pytest.mark.parametrize("chosen", [{}, {"metric": "metric_value"}, {"metric": "success_rate"}])
def test_a_count_from_results_is_that_of_the_units(api, tone, state, variant, chosen):
    add_arm(tone, "tone", "warm", "control-0", "control-0", at=long_ago(), kind="session")
    get(api, "/tone/results")
    experiment, now = Experiment.objects.get(), datetime.now(UTC)
    selection = Selection(variant=variant, state=state, **chosen)

    known = count_in(experiment.snapshot.results, selection)

    assert known in {None, count_kept(experiment, selection, now=now)}
    assert known is not None or (chosen and state)


def test_no_units_are_not_looked_for(api, tone, django_assert_max_num_queries):
    get(api, "/tone/sessions", state="maturing")

    with django_assert_max_num_queries(5) as found:
        assert get(api, "/tone/sessions", state="maturing")["results"] == []
    assert not any("tracking_armseen" in query["sql"] for query in found)


def test_units_are_picked_once_for_the_same_results(api, tone):
    first = get(api, "/tone/sessions", pick="worst", variant="warm")
    with CaptureQueriesContext(connection) as second:
        assert get(api, "/tone/sessions", pick="worst", variant="warm") == first
    assert not any("tracking_armseen" in query["sql"] for query in second)

    add_session(tone, "tone", "warm", "worse", at=long_ago(), n_root_errors=1, cost_nano=10**12)
    count_digested(tone, n=2)
    ResultSnapshot.objects.update(computed_at=long_ago())
    third = get(api, "/tone/sessions", pick="worst", variant="warm")

    assert "worse" in {unit["id"] for unit in third["results"]}
    assert third["count"] == first["count"] + 1


def long_ago():
    return datetime.now(UTC) - timedelta(days=1)


def test_units_page_without_gaps_or_repeats(api, tone):
    page = get(api, "/tone/sessions", page_size=90)
    seen = [unit["id"] for unit in page["results"]]
    while page["next"]:
        page = api.get(page["next"]).json()
        seen += [unit["id"] for unit in page["results"]]

    assert len(seen) == len(set(seen)) == 220


def test_it_picks_the_worst_the_typical_and_the_best(api, alpha):
    for index in range(30):
        add_run(alpha, "runs", "a", f"r{index:02}", metric_value=float(index))

    worst = get(api, "/runs/sessions", metric="metric_value", pick="worst")
    best = get(api, "/runs/sessions", metric="metric_value", pick="best")
    typical = get(api, "/runs/sessions", metric="metric_value", pick="typical")

    assert [unit["value"] for unit in worst["results"]] == [float(n) for n in range(20)]
    assert best["results"][0]["id"] == "r29"
    assert {unit["id"] for unit in typical["results"]} <= {f"r{n}" for n in range(11, 19)}
    assert len(typical["results"]) == 5
    assert typical["count"] == 30


def test_the_worst_of_a_cost_is_the_dearest(api, alpha):
    add_session(alpha, "x", "a", "cheap", cost_nano=1)
    add_session(alpha, "x", "a", "dear", cost_nano=9_000_000_000)

    found = get(api, "/x/sessions", metric="cost_per_unit", pick="worst")

    assert [unit["id"] for unit in found["results"]] == ["dear", "cheap"]
    assert found["results"][0]["value"] == 9.0


@pytest.mark.parametrize("query", [{"metric": "x"}, {"pick": "x"}, {"state": "x"}])
def test_a_wrong_selection_is_a_clear_problem(api, tone, query):
    response = api.get(f"{URL}/tone/sessions", query)

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"
    assert "must be one of" in response.json()["detail"]


@pytest.mark.parametrize("key", ["a/b c?d#é", "50%", "<script>", "-", "tone\nnew", "x" * 512])
def test_a_key_may_hold_any_character(api, alpha, key):
    add_session(alpha, key, "a", "s1")

    assert get(api, f"/{quote(key, safe='')}/results")["experiment"] == key


@pytest.mark.parametrize("path", ["", "/results", "/sessions"])
def test_an_unknown_experiment_is_a_404_problem(api, alpha, path):
    response = api.get(f"{URL}/none{path}")

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_a_nul_in_a_key_is_a_404(api, alpha):
    assert api.get(f"{URL}/a%00b").status_code == 404


def test_an_experiment_of_another_project_does_not_exist(api, beta):
    add_session(beta, "secret", "a", "s1")

    assert api.get(f"{URL}/secret/results").status_code == 404


def test_reading_needs_the_scope_read(tone, make_key):
    client = make_client(key=make_key("ingest"))

    assert client.get(f"{URL}/tone/results").status_code == 403


def test_computing_anew_needs_the_scope_manage(tone, make_key):
    client = make_client(key=make_key("read"))

    assert client.post(f"{URL}/tone/analyse").status_code == 403


def test_computing_anew_answers_with_the_results(api, tone):
    before = get(api, "/tone/results")
    add_session(tone, "tone", "warm", "new", at=long_ago())

    after = api.post(f"{URL}/tone/analyse").json()

    assert after["variants"][1]["units"] == before["variants"][1]["units"] + 1


def test_results_are_kept_until_something_was_digested(api, tone):
    get(api, "/tone/results")
    age_snapshot()
    add_session(tone, "tone", "warm", "new", at=long_ago())
    kept = get(api, "/tone/results")
    count_digested(tone, n=2)
    anew = get(api, "/tone/results")

    assert kept["variants"][1]["units"] == 100
    assert anew["variants"][1]["units"] == 101


def age_snapshot():
    """As if the results had been computed a while ago."""
    ResultSnapshot.objects.update(computed_at=long_ago())


def test_results_are_plain_json(api, tone):
    def refuse(name):
        raise AssertionError(name)

    body = json.loads(api.get(f"{URL}/tone/results").content, parse_constant=refuse)

    assert body["experiment"] == "tone"


def test_every_path_below_a_key_is_refused_as_the_end_of_one():
    below = {route.pattern.regex.pattern for route in api_urls.urlpatterns}
    below -= {r"^experiments/?$", rf"^experiments/{api_urls.KEY}/?$"}

    ends = {pattern.removeprefix(rf"^experiments/{api_urls.KEY}") for pattern in below}

    assert {end.removesuffix("/?$") for end in ends} == {*RESERVED_ENDS} - {"/"}


@pytest.mark.parametrize("key", ["a/start", "a/results", "a/"])
def test_whatever_events_named_is_found_by_its_key(api, alpha, key):
    add_session(alpha, key, "warm", "s1")
    add_session(alpha, "a", "warm", "s2")

    found = get(api, "", key=key)["results"]

    assert [one["key"] for one in found] == [key]
    assert get(api, "", key="a\0")["results"] == []
    assert get(api, f"/{quote(key, safe='')}/results")["experiment"] == key

import pytest

from tests.flows import digest_all, drift_of, make_sender, make_span, send_events
from tracking import dimensions
from tracking.dimensions import decide_names
from tracking.models import DimensionName, UsageRollup
from tracking.staging import open_cursor

pytestmark = pytest.mark.usefixtures("pipeline")


@pytest.fixture(autouse=True)
def few_names(monkeypatch):
    monkeypatch.setitem(dimensions.LIMITS, "model", 2)


def call(number, model):
    return make_span("t", f"s{number}", kind="llm", model=model, provider="p")


def models_of(project):
    rows = UsageRollup.objects.filter(project_id=project.pk, family=1)
    return {(row.key_a, row.key_b): row.n for row in rows}


def send_models(project, *models):
    for number, model in enumerate(models):
        send_events(make_sender(project), [call(number, model)])
        digest_all()


def test_names_beyond_the_limit_count_as_other(alpha):
    send_models(alpha, "a", "b", "c", "d")

    assert models_of(alpha) == {("p", "a"): 1, ("p", "b"): 1, ("(other)", "(other)"): 2}
    assert drift_of(alpha.pk) == []


def test_a_decision_about_a_name_stays(alpha):
    send_models(alpha, "a", "b", "c")
    dimensions.forget()
    DimensionName.objects.filter(name="a").delete()

    with open_cursor() as cursor:
        fold = decide_names(cursor, alpha.pk, {"model": {"c", "b"}})

    assert (fold("model", "b"), fold("model", "c")) == ("b", "(other)")


def test_names_at_once_are_decided_in_their_order(alpha):
    with open_cursor() as cursor:
        fold = decide_names(cursor, alpha.pk, {"model": {"z", "x", "y"}})

    assert [fold("model", name) for name in "xyz"] == ["x", "y", "(other)"]


def test_projects_have_names_of_their_own(alpha, beta):
    send_models(alpha, "a", "b")
    send_models(beta, "c", "d")

    assert models_of(beta) == {("p", "c"): 1, ("p", "d"): 1}


def test_a_memory_that_is_emptied_midway_loses_no_name(alpha, monkeypatch):
    names = {"model": {"a"}, "provider": {"p"}, "environment": {"live"}}
    monkeypatch.setattr(dimensions, "CACHE_SIZE", 0)

    with open_cursor() as cursor:
        fold = decide_names(cursor, alpha.pk, names)

    assert [fold(kind, name) for kind, (name,) in names.items()] == ["a", "p", "live"]

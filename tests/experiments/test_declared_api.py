import pytest

from core.models import AuditEntry
from experiments.lifecycle import MAX_DECLARED
from experiments.models import Experiment
from prompts.drafts import Draft, create_draft, set_archived
from tests.cast import make_client
from tests.experiments.arms import add_session
from tests.experiments.declared import ROBOT, make_versions, post

pytestmark = pytest.mark.django_db

PROMPTS = {
    "key": "tone",
    "name": "Tone of voice",
    "kind": "prompt",
    "hypothesis": "Warmer is better",
    "environment": "prod",
    "planned_units": 800,
    "variants": [
        {"key": "v1", "prompt": {"key": "support-answer", "version": 1}},
        {"key": "live", "prompt": {"key": "support-answer", "version": None}, "config": {"t": 0}},
    ],
    "metrics": [
        {"metric": "success_rate", "role": "goal"},
        {"metric": "cost_per_unit", "role": "guardrail", "margin": 0.1},
    ],
}
PLAIN = {"key": "tone", "kind": "custom", "variants": [{"key": "a"}, {"key": "b"}]}


@pytest.fixture
def versions(alpha):
    return make_versions(alpha)


def test_an_experiment_is_declared_as_a_draft(api, versions):
    status, found = post(api, "", PROMPTS)

    assert status == 201
    assert {name: found[name] for name in PROMPTS if name not in {"variants", "metrics"}} == {
        name: value for name, value in PROMPTS.items() if name not in {"variants", "metrics"}
    }
    assert (found["status"], found["source"], found["started_at"]) == ("draft", "defined", None)
    assert (found["hash"], found["alpha"], found["targeting"]) == ("salted-1", 0.05, None)
    assert found["variants"] == [
        {
            "key": "v1",
            "name": "v1",
            "is_control": True,
            "weight": 50.0,
            "model": "",
            "prompt": {"key": "support-answer", "version": 1},
            "config": None,
        },
        {
            "key": "live",
            "name": "live",
            "is_control": False,
            "weight": 50.0,
            "model": "",
            "prompt": {"key": "support-answer", "version": None},
            "config": {"t": 0},
        },
    ]
    assert found["metrics"] == [
        {"metric": "success_rate", "role": "goal", "margin": None, "margin_kind": None},
        {"metric": "cost_per_unit", "role": "guardrail", "margin": 0.1, "margin_kind": "relative"},
    ]


def test_it_is_listed_and_read_like_any_other(api, alpha):
    post(api, "", PLAIN)

    (listed,) = api.get("/api/v1/experiments").json()["results"]
    one = api.get("/api/v1/experiments/tone").json()

    assert (listed["key"], listed["status"]) == ("tone", "draft")
    assert one["verdict"]["code"] == "not_started"
    assert [variant["key"] for variant in one["variants"]] == ["a", "b"]


def test_it_starts_pauses_goes_on_and_stops(api, alpha):
    post(api, "", PLAIN)
    seen = []

    for action in ("start", "pause", "start", "stop"):
        status, found = post(api, f"/tone/{action}", {"note": f"we {action}"})
        seen.append((status, found["status"]))

    assert seen == [(200, "running"), (200, "paused"), (200, "running"), (200, "stopped")]
    assert found["started_at"] < found["ended_at"]
    experiment = Experiment.objects.get()
    assert [change.note for change in experiment.status_changes.all()] == [
        "we start",
        "we pause",
        "we start",
        "we stop",
    ]


@pytest.mark.parametrize(
    ("actions", "detail"),
    [
        (["stop"], "'tone' is draft: it cannot stop."),
        (["pause"], "'tone' is draft: it cannot pause."),
        (["start", "start"], "'tone' is running: it cannot start."),
        (["start", "stop", "start"], "'tone' is stopped: it cannot start."),
    ],
)
def test_what_its_state_stands_against_is_a_conflict(api, alpha, actions, detail):
    post(api, "", PLAIN)
    *before, last = actions
    for action in before:
        assert post(api, f"/tone/{action}")[0] == 200

    status, problem = post(api, f"/tone/{last}")

    assert (status, problem["detail"]) == (409, detail)
    assert problem["type"] == "urn:assay:problem:wrong_status"


def test_one_that_was_never_declared_is_not_started(api, alpha):
    add_session(alpha, "found", "a", "s1")

    status, problem = post(api, "/found/start")

    assert (status, problem["type"]) == (409, "urn:assay:problem:discovered")


@pytest.mark.parametrize(
    ("change", "errors"),
    [
        ({"key": ""}, {"key": ["This field may not be blank."]}),
        ({"kind": "x"}, {"kind": ['"x" is not a valid choice.']}),
        ({"traffic": 50}, {"traffic": ["Units are put into variants by who sends the spans; "
                                       "leave this out."]}),
        ({"targeting": {"rules": []}}, {"targeting": ["Units are put into variants by who sends "
                                                      "the spans; leave this out."]}),
        (
            {"unit": "user"},
            {"unit": ["Users are not measured as units: choose session or run."]},
        ),
        (
            {"variants": [{"key": "a", "weight": 50}, {"key": "b", "weight": 20}]},
            {"variants": ["The weights add up to 70 %, not 100 %."]},
        ),
        (
            {"variants": [{"key": "a", "weight": 90}, {"key": "a", "weight": 5}]},
            {
                "variants": {
                    "non_field_errors": ["The weights add up to 95 %, not 100 %."],
                    "1": {"key": ["Another variant is called 'a'."]},
                }
            },
        ),
        (
            {"variants": [{"key": "a"}, {"key": "b", "config": {"a": ["\ud800"]}}]},
            {
                "variants": {
                    "1": {
                        "config": [
                            "It holds a character that cannot be stored (NUL or half a surrogate)."
                        ]
                    }
                }
            },
        ),
        (
            {"variants": [{"key": "a"}, {"key": "b", "prompt": {"key": "none", "version": 1}}]},
            {"variants": {"1": {"prompt": ["There is no prompt 'none' in use."]}}},
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_written(api, alpha, change, errors):
    status, problem = post(api, "", PLAIN | change)

    assert (status, problem["errors"]) == (400, errors)
    assert Experiment.objects.count() == 0


def test_only_published_versions_of_prompts_in_use_are_compared(api, alpha, versions):
    create_draft(versions, Draft(user_template="not yet"), ROBOT)
    variants = [
        {"key": "a", "prompt": {"key": "support-answer", "version": 1}},
        {"key": "b", "prompt": {"key": "support-answer", "version": 3}},
    ]
    body = {**PLAIN, "variants": variants}

    draft = post(api, "", body)[1]
    set_archived(versions, ROBOT, archived=True)
    archived = post(api, "", body)[1]

    assert draft["errors"] == {
        "variants": {"1": {"prompt": ["'support-answer' has no published v3."]}}
    }
    assert set(archived["errors"]["variants"]) == {"0", "1"}


def test_one_whose_prompt_was_archived_meanwhile_is_not_started(api, versions):
    post(api, "", PROMPTS)
    set_archived(versions, ROBOT, archived=True)

    status, problem = post(api, "/tone/start")

    assert (status, problem["detail"]) == (409, "The prompt 'support-answer' is archived.")


def test_a_key_is_declared_once(api, alpha):
    post(api, "", PLAIN)

    status, problem = post(api, "", PLAIN)

    assert status == 409
    assert problem["errors"] == {"key": ["An experiment 'tone' exists already."]}


def test_prompts_and_experiments_of_another_project_do_not_exist(api, beta):
    make_versions(beta)
    sender = make_client()

    status, problem = post(api, "", PROMPTS)

    assert (status, set(problem["errors"]["variants"])) == (400, {"0", "1"})
    assert post(sender, "", PLAIN)[0] == 401
    assert post(api, "/unknown/start")[0] == 404


def test_a_write_sent_twice_is_done_once(api, alpha):
    first = post(api, "", PLAIN, **{"idempotency-key": "one"})
    again = post(api, "", PLAIN, **{"idempotency-key": "one"})
    started = [post(api, "/tone/start", **{"idempotency-key": "two"}) for _ in range(2)]

    assert first == again
    assert started[0] == started[1]
    assert started[0][0] == 200
    assert Experiment.objects.get().status_changes.count() == 1


def test_who_changed_what_is_recorded(api, alpha):
    post(api, "", PLAIN)
    post(api, "/tone/start")

    entries = AuditEntry.objects.order_by("id").values_list("action", "target")
    assert list(entries)[-2:] == [("experiment.create", "tone"), ("experiment.start", "tone")]
    assert AuditEntry.objects.first().actor_label.startswith("API key ak_")


def test_writing_needs_the_scope_manage(alpha, make_key):
    client = make_client(key=make_key("read", "ingest"))

    assert post(client, "", PLAIN)[0] == 403
    assert post(client, "/tone/start")[0] == 403


def test_there_is_an_end_to_how_many_are_declared(api, alpha):
    Experiment.objects.bulk_create(
        Experiment(project=alpha, key=f"e{n}", unit="session", source="defined", status="draft")
        for n in range(MAX_DECLARED)
    )

    status, problem = post(api, "", PLAIN)

    assert (status, problem["type"]) == (409, "urn:assay:problem:too_many")


def test_half_a_surrogate_is_quoted_in_a_problem(api, alpha):
    """JSON may hold one; no answer can."""
    status, problem = post(api, "", {**PLAIN, "kind": "\ud800"})

    assert (status, problem["errors"]) == (400, {"kind": ['"\\ud800" is not a valid choice.']})


@pytest.mark.parametrize("body", ["[]", "1", "{", '{"variants": 3}', '{"variants": [1]}'])
def test_a_body_of_another_shape_is_a_400(api, alpha, body):
    response = api.post("/api/v1/experiments", body, content_type="application/json")

    assert response.status_code == 400
    assert response["Content-Type"] == "application/problem+json"

import re

import pytest
from django.urls import reverse

from core.models import Role
from experiments.declarations import Declaration, DeclaredVariant
from experiments.lifecycle import declare
from experiments.models import Experiment
from prompts.drafts import set_archived
from tests.cast import make_client, make_member
from tests.experiments.arms import add_arm_of, add_session
from tests.experiments.declared import PLAIN, ROBOT, make_running, make_versions

pytestmark = pytest.mark.django_db

NEW = "/p/alpha/experiments/new/"
EVIL = "<img src=x onerror=alert(1)>"


@pytest.fixture
def editor(erin):
    return make_client(erin)


@pytest.fixture
def versions(alpha):
    return make_versions(alpha, n=3)


def detail(key):
    return reverse("experiments:detail", args=["alpha", key])


def act(client, key, action, **fields):
    url = reverse("experiments:act", args=["alpha", key])
    response = client.post(url, {"action": action, **fields}, follow=True)
    return [str(each) for each in response.context["messages"]]


def text_of(response, status=200):
    assert response.status_code == status
    return response.content.decode()


def answers(**changes):
    """What the form sends for versions 1 and 2 of the prompt."""
    return {
        "prompt": "support-answer",
        "kind": "prompt",
        "rows": "2",
        "control": "0",
        "key": "tone",
        "name": "Tone",
        "unit": "session",
        "planned_units": "800",
        "v0-version": "1",
        "v1-version": "2",
        "role_success_rate": "goal",
        **changes,
    }


def chosen_in(page):
    return re.findall(r'<option value="(\d+)" selected>', page)


def test_the_address_fills_the_form_in(editor, versions):
    page = text_of(editor.get(f"{NEW}?prompt=support-answer&versions=3,1"))

    assert chosen_in(page) == ["3", "1"]
    assert 'value="support-answer-v3-v1"' in page
    assert 'name="control" value="0" aria-label="Row 1 is the control" checked' in page


@pytest.mark.parametrize(
    ("query", "chosen", "said"),
    [
        ("", ["1", "3"], ""),
        ("&versions=2", ["2", "1"], ""),
        ("&versions=2,2", ["2", "1"], ""),
        ("&versions=1,2,3", ["1", "2", "3"], ""),
        ("&versions=1,9", ["1"], "v9 is no published version."),
        ("&versions=x,-1,1e9,%00", ["1", "3"], ""),
    ],
)
def test_what_the_address_leaves_open_is_filled_in(editor, versions, query, chosen, said):
    page = text_of(editor.get(f"{NEW}?prompt=support-answer{query}"))

    assert chosen_in(page) == chosen
    assert said in page


def test_without_a_subject_it_is_asked_for(editor, versions):
    page = text_of(editor.get(NEW))

    assert "What varies?" in page
    assert "<option>support-answer</option>" in page
    assert 'href="?kind=model"' in page


def test_a_draft_is_written_and_shown(editor, versions):
    response = editor.post(NEW, answers(**{"role_cost_per_unit": "guardrail"}), follow=True)

    page = text_of(response)
    assert response.redirect_chain == [(detail("tone"), 302)]
    assert "Nothing counts until it is started" in page
    assert "Not started: no session counts yet." in page
    assert "?a=1&amp;b=2" in page
    assert "at most 5.0 % worse" in page
    assert 'id="leaderboard"' not in page
    experiment = Experiment.objects.get()
    assert [(v.key, v.weight, v.is_control) for v in experiment.variants.all()] == [
        ("v1", 50.0, True),
        ("v2", 50.0, False),
    ]
    assert (experiment.tuning_units, experiment.created_by.username) == (800, "erin")


def test_margins_are_said_in_hundredths(editor, versions):
    guarded = {
        "role_cost_per_unit": "guardrail",
        "margin_cost_per_unit": "10",
        "role_metric_value": "guardrail",
        "margin_metric_value": "0.3",
    }
    editor.post(NEW, answers(**guarded))

    margins = Experiment.objects.get().metrics.values_list("metric", "margin", "margin_kind")
    assert set(margins) == {
        ("success_rate", None, ""),
        ("metric_value", 0.3, "absolute"),
        ("cost_per_unit", 0.1, "relative"),
    }


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"key": ""}, "This field is required."),
        ({"key": "new"}, "is the address of the form"),
        ({"v1-version": ""}, "Name 2 to 20 variants."),
        ({"v1-version": "9"}, "Select a valid choice."),
        ({"v1-key": "v1"}, "Another variant is called"),
        ({"v0-weight": "70", "v1-weight": "70"}, "The weights add up to 140 %"),
        ({"v0-weight": "nan"}, "Enter a number."),
        ({"role_success_rate": ""}, "Name at least one goal."),
        ({"role_metric_value": "guardrail"}, "Say how much worse it may get"),
        ({"margin_duration": "5", "role_duration": "goal"}, "Only a guardrail has a margin."),
        ({"planned_units": "1"}, "greater than or equal to 10"),
        ({"unit": "user"}, "Select a valid choice."),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(editor, versions, changes, said):
    page = text_of(editor.post(NEW, answers(hypothesis="Warmer wins", **changes)), status=400)

    assert said in page
    assert "Warmer wins" in page
    assert Experiment.objects.count() == 0


def test_a_taken_key_is_said_at_its_field(editor, alpha, versions):
    declare(alpha, PLAIN, ROBOT)

    page = text_of(editor.post(NEW, answers()), status=400)

    assert "An experiment &#x27;tone&#x27; exists already." in page


def test_a_key_that_is_free_is_proposed(editor, alpha, versions):
    add_session(alpha, "support-answer-v1-v2", "a", "s1")
    text_of(editor.get("/p/alpha/experiments/"))

    page = text_of(editor.get(f"{NEW}?prompt=support-answer&versions=1,2"))

    assert 'value="support-answer-v1-v2-2"' in page


def test_a_row_is_added_without_javascript(editor, versions):
    page = text_of(editor.post(NEW, answers(add="1", key="", role_duration="guardrail")))

    assert chosen_in(page) == ["1", "2"]
    assert 'name="name" value="Tone"' in page
    assert page.count('<option value="guardrail" selected>') == 1
    assert 'name="v2-version"' in page
    assert 'name="rows" value="3"' in page
    assert "This field is required." not in page


def test_models_are_compared_too(editor, alpha):
    sent = {**answers(kind="model"), "v0-model": "gpt-4o", "v1-model": "claude", "control": "1"}
    del sent["prompt"]

    editor.post(NEW, sent)

    found = Experiment.objects.get()
    assert found.kind == "model"
    assert [(v.key, v.model) for v in found.variants.all()] == [
        ("claude", "claude"),
        ("gpt-4o", "gpt-4o"),
    ]


def test_it_is_started_paused_and_stopped(editor, alpha):
    declare(alpha, PLAIN, ROBOT)

    told = [act(editor, "tone", action) for action in ("start", "pause", "start", "stop", "start")]

    assert told == [
        ["It runs: from now on its sessions count."],
        ["It is paused: no new session counts."],
        ["It runs: from now on its sessions count."],
        ["It is stopped. What was counted stays."],
        ["'tone' is stopped: it cannot start."],
    ]
    page = text_of(editor.get(detail("tone")))
    assert "4 changes of state" in page
    assert 'id="tagging"' not in page


def test_a_draft_is_discarded(editor, alpha):
    declare(alpha, PLAIN, ROBOT)

    assert act(editor, "tone", "discard") == ["The draft is discarded."]
    assert Experiment.objects.count() == 0


def test_an_action_that_is_none_is_a_404(editor, alpha):
    declare(alpha, PLAIN, ROBOT)

    url = reverse("experiments:act", args=["alpha", "tone"])

    assert editor.post(url, {"action": "conclude"}).status_code == 404


def test_a_running_one_shows_its_leaderboard(editor, alpha):
    make_running(alpha)
    add_arm_of(alpha, "tone", "control", 120, failing=20)

    page = text_of(editor.get(detail("tone")))

    assert 'data-variant="warm"' in page
    assert "83.3 %" in page
    assert 'id="definition"' in page


def test_the_list_has_drafts_and_declared_ones(editor, alpha):
    declare(alpha, PLAIN, ROBOT)

    page = text_of(editor.get("/p/alpha/experiments/"))
    drafts = text_of(editor.get("/p/alpha/experiments/?status=draft"))
    running = text_of(editor.get("/p/alpha/experiments/?status=running"))

    assert "Not started" in page
    assert detail("tone") in drafts
    assert detail("tone") not in running
    assert NEW in page


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_others_only_look(alpha, versions, role):
    client = make_client(make_member(alpha, role, role))
    declare(alpha, PLAIN, ROBOT)
    prompt_page = "/p/alpha/prompts/support-answer/"

    assert client.get(f"{NEW}?prompt=support-answer").status_code == 403
    assert client.post(NEW, answers()).status_code == 403
    assert client.post(reverse("experiments:act", args=["alpha", "tone"])).status_code == 403
    for path in (detail("tone"), "/p/alpha/experiments/", prompt_page, f"{prompt_page}diff/"):
        page = text_of(client.get(path))
        assert "Start it now" not in page
        assert NEW not in page


@pytest.mark.parametrize("path", ["", "diff/?a=1&b=3"])
def test_a_prompt_leads_to_the_form(editor, versions, path):
    page = text_of(editor.get(f"/p/alpha/prompts/support-answer/{path}"))

    link = f"{NEW}?prompt=support-answer&amp;versions=1,3"
    assert link in page
    assert "Compare v1 with v3 in an experiment" in page
    assert chosen_in(text_of(editor.get(link.replace("&amp;", "&")))) == ["1", "3"]


def test_an_archived_prompt_leads_to_no_form(editor, versions):
    set_archived(versions, ROBOT, archived=True)

    assert NEW not in text_of(editor.get("/p/alpha/prompts/support-answer/"))
    assert NEW not in text_of(editor.get("/p/alpha/prompts/support-answer/diff/"))


def test_a_prompt_of_another_project_does_not_exist(editor, beta):
    make_versions(beta, "secret")

    assert editor.get(f"{NEW}?prompt=secret").status_code == 404
    assert editor.get(f"{NEW}?prompt=%00").status_code == 404


def test_what_people_wrote_is_escaped(editor, alpha):
    said = Declaration(
        key=EVIL,
        name=EVIL,
        hypothesis=EVIL,
        environment=EVIL,
        variants=(
            DeclaredVariant(key=EVIL, config={EVIL: EVIL}),
            DeclaredVariant(key="b", model=EVIL, name=EVIL),
        ),
    )
    declare(alpha, said, ROBOT)

    for path in (detail(EVIL), "/p/alpha/experiments/"):
        assert "<img" not in text_of(editor.get(path)).replace('<img src="/static/', "")


def test_one_whose_key_is_the_address_of_the_form_has_its_page(editor, alpha):
    add_session(alpha, "new", "a", "s1")

    page = text_of(editor.get(NEW))

    assert "/p/alpha/experiment/new/" in page
    assert 'id="verdict"' in text_of(editor.get("/p/alpha/experiment/new/"))


class Span:
    def __init__(self):
        self.said = {}

    def set_attribute(self, name, value):
        self.said[name] = value


def test_the_snippet_tags_spans_with_these_variants(editor, versions):
    odd = "v2 \"quoted\" {x} 'y' é😀"
    editor.post(NEW, answers(**{"key": odd, "v1-key": odd, "v0-weight": "80", "v1-weight": "20"}))
    code = editor.get(detail(odd)).context["definition"].snippet

    def said(session):
        span = Span()
        exec(code, {"span": span, "session_id": session})  # noqa: S102 # our own text
        return span.said

    found = [said(f"s{n}") for n in range(1_000)]

    assert found[0] == said("s0")
    assert {each["assay.experiment"] for each in found} == {odd}
    versions_met = {(s["assay.variant"], s["assay.prompt_version"]) for s in found}
    assert versions_met == {("v1", "1"), (odd, "2")}
    assert 750 < sum(each["assay.variant"] == "v1" for each in found) < 850


def test_pages_need_few_queries(editor, versions, django_assert_max_num_queries):
    editor.post(NEW, answers())
    act(editor, "tone", "start")
    for path in (detail("tone"), "/p/alpha/experiments/", f"{NEW}?prompt=support-answer"):
        editor.get(path)

        with django_assert_max_num_queries(15):
            editor.get(path)

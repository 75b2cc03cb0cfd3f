from dataclasses import replace

import pytest

from experiments.declarations import (
    Declaration,
    DeclaredMetric,
    DeclaredVariant,
    complete,
    find_faults,
)

A, B, C = (DeclaredVariant(key=key) for key in "abc")
PLAIN = Declaration(key="tone", variants=(A, B))
GUARD = DeclaredMetric(metric="cost_per_unit", role="guardrail")
GOAL = DeclaredMetric(metric="success_rate")


def faults_of(said):
    return [tuple(fault) for fault in find_faults(complete(said))]


def test_what_need_not_be_said_is_filled_in():
    said = complete(replace(PLAIN, variants=(A, B, C)))

    assert [round(variant.weight, 2) for variant in said.variants] == [33.33] * 3
    assert [variant.is_control for variant in said.variants] == [True, False, False]
    assert said.metrics == (DeclaredMetric(metric="success_rate", role="goal"),)
    assert find_faults(said) == []


def test_a_control_that_was_named_stays():
    said = complete(replace(PLAIN, variants=(A, replace(B, is_control=True))))

    assert [variant.is_control for variant in said.variants] == [False, True]


@pytest.mark.parametrize(
    ("metric", "margin", "kind"),
    [
        ("cost_per_unit", 0.05, "relative"),
        ("duration", 0.05, "relative"),
        ("success_rate", 0.02, "absolute"),
        ("metric_value", None, "absolute"),
    ],
)
def test_a_guardrail_gets_the_margin_of_its_unit(metric, margin, kind):
    guard = DeclaredMetric(metric=metric, role="guardrail")

    (found,) = complete(replace(PLAIN, metrics=(guard,))).metrics

    assert (found.margin, found.margin_kind) == (margin, kind)


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        ({"key": ""}, ("key", "Say a key: the name that spans carry.")),
        ({"key": "new"}, ("key", "'new' is the address of the form: choose another key.")),
        (
            {"key": " a"},
            ("key", "A key has no spaces around it and no control characters."),
        ),
        (
            {"key": "a\nb"},
            ("key", "A key has no spaces around it and no control characters."),
        ),
        ({"key": "k" * 201}, ("key", "At most 200 characters.")),
        (
            {"name": "\ud800"},
            ("name", "It holds a character that cannot be stored (NUL or half a surrogate)."),
        ),
        ({"unit": "user"}, ("unit", "Users are not measured as units: choose session or run.")),
        (
            {"kind": "x"},
            ("kind", "Must be one of: model, prompt, grid, custom, offline."),
        ),
        ({"alpha": float("nan")}, ("alpha", "Must lie between 0.0001 and 0.5.")),
        ({"planned_units": 9}, ("planned_units", "Must lie between 10 and 1,000,000,000.")),
        ({"variants": (A,)}, ("variants", "Name 2 to 20 variants.")),
        ({"variants": (A, A)}, ("variants.1.key", "Another variant is called 'a'.")),
        (
            {"variants": (replace(A, is_control=True), replace(B, is_control=True))},
            ("variants", "Only one variant is the control."),
        ),
        (
            {"variants": (replace(A, weight=60.0), replace(B, weight=30.0))},
            ("variants", "The weights add up to 90 %, not 100 %."),
        ),
        (
            {"variants": (replace(A, weight=100.0), B)},
            ("variants.1.weight", "Give every variant a weight, or none."),
        ),
        (
            {"variants": (replace(A, weight=float("nan")), replace(B, weight=50.0))},
            ("variants.0.weight", "Percent: 0, or 0.001 to 100."),
        ),
        (
            {"variants": (replace(A, weight=100.0), replace(B, weight=5e-324))},
            ("variants.1.weight", "Percent: 0, or 0.001 to 100."),
        ),
        ({"kind": "prompt"}, ("variants.0.prompt", "Name the prompt of this variant.")),
        ({"kind": "model"}, ("variants.1.model", "Name the model of this variant.")),
        (
            {"variants": (replace(A, prompt_version=3), B)},
            ("variants.0.prompt", "A version belongs to a prompt: name it."),
        ),
        (
            {"variants": (replace(A, config={"a": float("inf")}), B)},
            ("variants.0.config", "It holds a number or a depth that JSON does not have."),
        ),
        (
            {"variants": (replace(A, config={"a": "\0"}), B)},
            (
                "variants.0.config",
                "It holds a character that cannot be stored (NUL or half a surrogate).",
            ),
        ),
        ({"metrics": (GUARD,)}, ("metrics", "Name at least one goal.")),
        ({"metrics": (GOAL, GOAL)}, ("metrics.1.metric", "'success_rate' is named twice.")),
        (
            {"metrics": (GOAL, replace(GUARD, margin=-1.0))},
            ("metrics.1.margin", "A margin is 0 or more."),
        ),
        (
            {"metrics": (replace(GOAL, margin=0.1),)},
            ("metrics.0.margin", "Only a guardrail has a margin."),
        ),
        (
            {"metrics": (GOAL, DeclaredMetric(metric="metric_value", role="guardrail"))},
            ("metrics.1.margin", "Say how much worse it may get, in the metric's unit."),
        ),
    ],
)
def test_it_names_what_is_wrong_and_where(said, fault):
    assert fault in faults_of(replace(PLAIN, **said))


def test_it_names_an_unknown_metric_with_those_it_knows():
    ((field, message),) = faults_of(replace(PLAIN, metrics=(GOAL, DeclaredMetric(metric="x"))))

    assert field == "metrics.1.metric"
    assert message.startswith("Must be one of: success_rate, metric_value")


def test_thirds_are_all_the_traffic():
    thirds = tuple(replace(each, weight=33.3) for each in (A, B, C))

    assert faults_of(replace(PLAIN, variants=thirds)) == []


@pytest.mark.parametrize("end", ["/", "/results", "/analyse", "/sessions", "/start", "/stop"])
def test_a_key_that_the_api_could_not_read_is_refused(end):
    ((field, message),) = faults_of(replace(PLAIN, key=f"tone{end}"))

    assert field == "key"
    assert message.startswith("The API's own addresses end in /, /results, ")
    assert faults_of(replace(PLAIN, key=f"tone{end}s")) == []

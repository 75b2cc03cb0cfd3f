import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.rendering import (
    MAX_RENDERED_BYTES,
    Message,
    RenderError,
    Texts,
    find_variables,
    lint_template,
    render,
    split_template,
)


def filled(template, **variables):
    return render(Texts(user=template), variables).texts.user


@pytest.mark.parametrize(
    ("template", "variables", "expected"),
    [
        ("Hi {{name}}", {"name": "Ada"}, "Hi Ada"),
        ("Hi {{ name }}!", {"name": "Ada"}, "Hi Ada!"),
        ("{{\tname\n}}", {"name": "Ada"}, "Ada"),
        ("{{a}}{{a}}", {"a": "x"}, "xx"),
        ("{{größe}}", {"größe": "L"}, "L"),
        ("{{unknown}}", {"name": "Ada"}, "{{unknown}}"),
        ("{{a.b}} {{a-b}} {{a|b}} {{}}", {"a": "x"}, "{{a.b}} {{a-b}} {{a|b}} {{}}"),
        ("{{{a}}}", {"a": "x"}, "{x}"),
        ("{ {a} } {a}", {"a": "x"}, "{ {a} } {a}"),
        ("{{a}}", {"a": 3}, "3"),
        ("{{a}}", {"a": None}, "null"),
        ("{{a}}", {"a": {"b": [1]}}, '{"b":[1]}'),
    ],
)
def test_a_template_is_filled_as_clients_fill_it(template, variables, expected):
    assert filled(template, **variables) == expected


def test_a_value_is_never_looked_at_again():
    assert filled("{{a}}", a="{{b}}", b="secret") == "{{b}}"


@pytest.mark.parametrize(
    "attack",
    ["{{7*7}}", "{% import os %}", "${7*7}", "#{7*7}", "<%= 7*7 %>", r"\g<0>", r"\1", "%(a)s"],
)
def test_other_engines_words_are_plain_text(attack):
    assert filled(attack, a="x") == attack
    assert filled("{{a}}", a=attack) == attack


def test_messages_are_filled_like_texts():
    texts = Texts("Be {{tone}}", "", (Message("user", "{{question}}"), Message("user", "plain")))

    found = render(texts, {"tone": "kind", "question": "why?", "spare": 1})

    assert found.texts.system == "Be kind"
    assert found.texts.messages == (Message("user", "why?"), Message("user", "plain"))
    assert (found.missing, found.unused) == ((), ("spare",))


def test_missing_names_are_told_in_order():
    assert render(Texts("{{b}}{{a}}", "{{b}}{{c}}"), {"c": 1}).missing == ("b", "a")


def test_a_text_that_would_grow_too_large_is_refused_before_it_is_built():
    with pytest.raises(RenderError) as refused:
        filled("{{a}}" * 1_000, a="x" * (MAX_RENDERED_BYTES // 500))

    assert refused.value.code == "rendered_too_large"


def test_too_many_variables_are_refused():
    with pytest.raises(RenderError):
        render(Texts(), {str(n): n for n in range(1_001)})


@given(st.text())
def test_the_pieces_of_a_template_make_it_up(template):
    places = split_template(template)

    assert "".join(place.text for place in places) == template
    assert list(dict.fromkeys(p.name for p in places if p.name)) == find_variables([template])


@given(st.text(alphabet="{} ab\n"))
def test_no_braces_are_an_error(template):
    assert filled(template) == template
    lint_template(template)


@pytest.mark.parametrize(
    ("template", "lines"),
    [("{{a}}", []), ("{{a", [1]), ("x\n{{a.b}}\n\n{{", [2, 2, 4]), ("a}}", [1]), ("{a}", [])],
)
def test_braces_that_are_no_variable_are_told(template, lines):
    assert [lint.line for lint in lint_template(template)] == lines

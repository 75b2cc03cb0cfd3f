from prompts.previewing import MAX_SHOWN, examples_of, preview
from prompts.rendering import Message, Texts, render

VARIABLES = [
    {"name": "name", "example": "{{q}}"},
    {"name": "spare", "example": "x"},
    {"name": "later", "example": ""},
]


def test_it_reads_as_rendering_would():
    texts = Texts("Hi {{ name }}", "{{q}} {{later}}", (Message("user", "{{name}}{{name}}"),))

    shown = preview(texts, VARIABLES)

    rendered = render(texts, examples_of(VARIABLES)).texts
    assert ["".join(piece.text for piece in part.pieces) for part in shown.parts] == (
        rendered.templates()
    )
    assert [part.title for part in shown.parts] == ["System", "User template", "Message 1: user"]


def test_it_tells_what_is_missing_unused_and_undeclared():
    shown = preview(Texts("{{name}} {{q}} {{later}}"), VARIABLES)

    assert shown.missing == ("q", "later")
    assert shown.undeclared == ("q",)
    assert shown.unused == ("spare",)


def test_a_line_is_complained_of_once():
    lints = preview(Texts("{{ a b }} }}\n{{"), []).parts[0].lints

    assert [lint.line for lint in lints] == [1, 2]


def test_of_a_long_text_the_beginning_is_shown():
    first, second = preview(Texts("x" * MAX_SHOWN + "{{name}}y", "more"), VARIABLES).parts

    assert sum(len(piece.text) for piece in first.pieces) == MAX_SHOWN
    assert (first.hidden, second.pieces, second.hidden) == (6, (), 4)

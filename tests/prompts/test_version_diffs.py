from prompts.drafts import Draft
from prompts.version_diffs import MAX_LINES, diff_versions


def titles(old, new):
    return [(each.title, each.added, each.removed) for each in diff_versions(old, new)]


def test_each_text_that_differs_is_a_section():
    old = Draft(system="a", user_template="b", variables=({"name": "x", "type": "text"},))
    new = Draft(
        system="a",
        user_template="c",
        messages=[{"role": "user", "content": "hi"}],
        variables=({"name": "x", "type": "text", "example": "1", "description": "of it"},),
        recommended_config="fast",
    )

    assert titles(old, new) == [
        ("User template", 1, 1),
        ("Messages", 2, 0),
        ("Variables", 1, 1),
        ("Recommended config", 1, 0),
    ]
    assert titles(new, new) == []


def test_without_another_version_all_is_new():
    assert titles(None, Draft(system="a\nb")) == [("System", 2, 0)]


def test_of_very_many_lines_the_first_are_shown():
    (section,) = diff_versions(None, Draft(system="\n".join("x" * (MAX_LINES + 5))))

    assert sum(len(each.lines) for each in section.stretches) == MAX_LINES
    assert (section.added, section.hidden) == (MAX_LINES + 5, 5)

"""Files that cannot be imported: named with the line, and nothing is changed."""

import json

import pytest
from django.core.management import CommandError, call_command

from prompts.files import line_of
from prompts.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db


def write_user(folder, text, key="support-answer"):
    (folder / key / "user.md").write_bytes(text.encode())


BAD_HEADS = [
    ('{\n "name": "x"\n "tags": []}', 3, "no JSON: Expecting ',' delimiter"),
    ('{\n "name": 5}', 2, "name: Expected `str`, got `int`"),
    ('{\n\n "unknown": 5}', 1, "Object contains unknown field `unknown`"),
    ('{"tags": [\n"a",\n\n7]}', 4, r"tags\[3\]|tags\[...\]|tags\[\d\]: Expected `str`"),
    ('{\n"version": -1}', 2, "a version counts from 1"),
    ('{"variables": [\n{"name": "a b"}]}', 2, "'a b' is no name of a variable"),
    ('{"variables": [\n{"name": "a",\n "type": "x"}]}', 3, "a type is one of"),
    ('{"messages": [\n"../../etc/passwd"]}', 2, "a message's file is"),
    ('{"messages": [\n"message-01-user.md"]}', 2, "there is no file message-01-user.md"),
    ('{"name": "a", "name": "b"}', 0, "no JSON: 'name' is there twice"),
    ('{"name": "a\\u0000"}', 0, "name holds a NUL"),
    ('{"name": "a\\ud800"}', 0, "name holds a NUL or half"),
    ("[" * 100_000, 0, "no JSON"),
    ("[]", 1, "Expected `object`, got `array`"),
]


@pytest.mark.parametrize(("text", "line", "what"), BAD_HEADS, ids=lambda value: str(value)[:30])
def test_bad_files_are_named_with_the_line_and_change_nothing(folder, alpha, run, text, line, what):
    (folder / "another").mkdir()
    (folder / "another" / "prompt.json").write_text('{"name": "fine"}')
    path = folder / "support-answer" / "prompt.json"
    path.write_text(text)
    place = rf"{path}:{line}: " if line else rf"{path}: "

    with pytest.raises(CommandError, match=place + f"(?:{what})"):
        run("import", alpha, folder)

    assert Prompt.objects.count() == 1


def test_bad_texts_are_named(folder, alpha, run):
    path = folder / "support-answer" / "user.md"
    path.write_bytes(b"fine\n\xff")
    with pytest.raises(CommandError, match=r"user\.md:2: no UTF-8"):
        run("import", alpha, folder)
    path.write_bytes(b"a\nb\n\0")
    with pytest.raises(CommandError, match=r"user\.md:3: a NUL character"):
        run("import", alpha, folder)
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(CommandError, match=r"user\.md: a symbolic link is not followed"):
        run("import", alpha, folder)


def test_what_assay_refuses_of_anybody_it_refuses_of_files(folder, alpha, run):
    write_user(folder, "x" * 300_000)
    with pytest.raises(CommandError, match="support-answer: user_template: 300,000 bytes"):
        run("import", alpha, folder)
    write_user(folder, "y")
    (folder / "aaa").mkdir()
    (folder / "aaa" / "prompt.json").write_text(json.dumps({"name": "n" * 201}))

    with pytest.raises(CommandError, match="aaa: .*at most 200 characters"):
        run("import", alpha, folder)
    assert (Prompt.objects.count(), PromptVersion.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"assay_prompts": 2}, r":2: assay_prompts 2 is not read"),
        ({"prompts": [{"key": "a"}, {"key": "a"}]}, r":\d+: 'a' is there twice"),
        ({"prompts": [{"key": "a", "versions": [{"number": 0}]}]}, "counts from 1"),
        ({"prompts": [{"key": "a", "versions": [{"number": 1}] * 2}]}, "v1 is there twice"),
        ({"prompts": [{"key": "../a"}]}, "Use letters, digits"),
        ({"prompts": 5}, "Expected `array`"),
    ],
)
def test_bad_json_files_are_named(alpha, run, tmp_path, change, what):
    path = tmp_path / "bad.json"
    path.write_text(json.dumps({"assay_prompts": 1, "prompts": []} | change, indent=1))

    with pytest.raises(CommandError, match=what):
        run("import", alpha, path)
    assert Prompt.objects.count() == 0


def test_what_is_not_there_is_said(alpha, run, tmp_path):
    for path in (tmp_path / "none", tmp_path / "none.json"):
        with pytest.raises(CommandError, match="No such file"):
            run("import", alpha, path)
    with pytest.raises(CommandError, match=r"holds a prompt\.json"):
        run("import", alpha, tmp_path)
    with pytest.raises(CommandError, match="There is no project 'x'"):
        call_command("prompts_export", tmp_path, project="x")


def test_lines_are_found_by_paths():
    text = '{"a": [\n {"b": "}]\\n,"},\n [1,\n 2]],\n "c": 3}'

    assert line_of(text, ".a[0].b") == 2
    assert line_of(text, ".a[1][1]") == 4
    assert line_of(text, ".c") == 5
    assert line_of(text, ".missing[3].x") == 1
    assert line_of("", ".a") == 1

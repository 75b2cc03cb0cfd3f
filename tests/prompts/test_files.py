"""Prompts in files: there and back, and what stands against it."""

import json

import pytest
from django.core.management import CommandError

from core.models import AuditEntry, Project
from prompts.acting import PromptError
from prompts.drafts import Draft, create_draft, create_prompt, publish, set_archived
from prompts.labels import move_label, protect_label
from prompts.models import Prompt, PromptLabel, PromptVersion, WebhookDelivery
from prompts.webhooks import add_webhook

pytestmark = pytest.mark.django_db

ODD_TEXTS = [
    "plain",
    "no newline at the end\nof two lines",
    "a newline\n",
    "three\n\n\n",
    "\r\n windows \r\n\rmac",
    "---\nname: x\n---\ntext",
    '{"json": true}',
    "  \t spaces \u00a0 \u2028 \u0085 \ufeff",
    "\ufeffwith a mark",
    "日本語 🎉 e\u0301 \u202eright",
    "{{ name }} {{{odd}}} {{",
    "\x01\x1f\x7f",
    " ",
    "\n",
]


@pytest.fixture
def gamma(db):
    return Project.objects.create(slug="gamma", name="Gamma")


def write_user(folder, text, key="support-answer"):
    (folder / key / "user.md").write_bytes(text.encode())


def change_head(folder, key="support-answer", **changes):
    path = folder / key / "prompt.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def numbers():
    versions = PromptVersion.objects.order_by("number")
    return [(each.number, each.user_template, each.is_published) for each in versions]


@pytest.fixture
def everything(alpha, writer):
    """A project with something of everything."""
    for index, text in enumerate(ODD_TEXTS):
        prompt = create_prompt(
            alpha, f"odd-{index:02}", writer, name=f"N {text}"[:20].strip(), tags=["a", "é b"]
        )
        draft = Draft(
            system=text,
            user_template=text + "{{ x }}",
            messages=[{"role": "user", "content": text}, {"role": "tool", "content": ""}],
            variables=({"name": "x", "type": "json", "example": text, "description": "d"},),
            recommended_config="cfg",
            note="first",
        )
        publish(create_draft(prompt, draft, writer), "first", writer)
    old = create_prompt(alpha, "old", writer, description="two\nlines\n")
    for text in ("a", "b", "a"):
        publish(create_draft(old, Draft(system=text, messages=[]), writer), text, writer)
    create_draft(old, Draft(system="draft", note="unfinished "), writer, base=1)
    move_label(old, "production", 2, "why", writer)
    move_label(old, "canary", 3, "why", writer)
    move_label(old, "canary", None, "why", writer)
    protect_label(old, "production", writer, protected=True)
    set_archived(old, writer, archived=True)
    create_prompt(alpha, "empty", writer)
    return alpha


def test_a_json_file_brings_everything_into_another_project(everything, gamma, run, tmp_path):
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    run("export", everything, first)

    run("import", gamma, first, publish=True, labels=True)
    run("export", gamma, second)

    assert second.read_bytes() == first.read_bytes()
    assert Prompt.objects.filter(project=gamma).count() == len(ODD_TEXTS) + 2


def test_a_folder_brings_current_versions_into_another_project(everything, gamma, run, tmp_path):
    run("export", everything, tmp_path / "a")

    run("import", gamma, tmp_path / "a", publish=True, labels=True)
    run("export", gamma, tmp_path / "b")

    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(files) > 4 * len(ODD_TEXTS)
    for path in files:
        assert (tmp_path / "b" / path).read_bytes() == (tmp_path / "a" / path).read_bytes()


@pytest.mark.parametrize("name", ["all.json", "folder"])
def test_what_was_exported_is_nothing_to_import(everything, run, tmp_path, name):
    run("export", everything, tmp_path / name)
    before = list(PromptVersion.objects.order_by("pk").values())
    n_entries = AuditEntry.objects.count()

    said = run("import", everything, tmp_path / name, publish=True, labels=True, note="x")

    assert "Prompts that are as in the files: " in said
    assert list(PromptVersion.objects.order_by("pk").values()) == before
    assert AuditEntry.objects.count() == n_entries


def test_texts_are_in_files_to_the_byte(folder, alpha, prompt, run, published):
    published("---\r\nno newline")
    run("export", alpha, folder)

    assert (folder / "support-answer" / "user.md").read_bytes() == b"---\r\nno newline"
    assert not (folder / "support-answer" / "system.md").exists()


def test_an_export_writes_only_what_differs(folder, alpha, run, prompt, writer):
    assert "(files changed: 0)" in run("export", alpha, folder)
    publish(create_draft(prompt, Draft(system="now a system"), writer), "why", writer)

    assert "(files changed: 3)" in run("export", alpha, folder)
    assert not (folder / "support-answer" / "user.md").exists()


def test_an_edited_text_becomes_a_draft_once(folder, alpha, run):
    write_user(folder, "two")

    assert run("import", alpha, folder) == "support-answer: v2 as a draft\n"
    assert run("import", alpha, folder) == "Prompts that are as in the files: 1\n"
    assert numbers() == [(1, "one", True), (2, "two", False)]

    said = run("import", alpha, folder, publish=True, note="better")
    assert said == "support-answer: v2 published\n"
    assert PromptVersion.objects.get(number=2).note == "better"


def test_a_new_folder_is_a_new_prompt(folder, alpha, run):
    (folder / "new.one").mkdir()
    (folder / "new.one" / "prompt.json").write_text('{"name": "New", "messages": null}')
    write_user(folder, "hello", key="new.one")

    said = run("import", alpha, folder, publish=True, note="begin")

    assert said.splitlines()[:3] == [
        "new.one: created",
        "new.one: v1 as a draft",
        "new.one: v1 published",
    ]
    assert Prompt.objects.get(key="new.one").name == "New"


def test_git_may_stay_ahead_without_exports(folder, alpha, run):
    for text in ("two", "three"):
        write_user(folder, text)
        run("import", alpha, folder, publish=True, labels=True, note=text)

    assert numbers() == [(1, "one", True), (2, "two", True), (3, "three", True)]


def test_a_version_of_somebody_else_is_not_overtaken(folder, alpha, run, published):
    published("two, by Erin")
    write_user(folder, "two, by git")

    with pytest.raises(CommandError, match="v2 by erin is newer than the file's v1"):
        run("import", alpha, folder)
    assert len(numbers()) == 2

    run("import", alpha, folder, force=True)
    assert numbers()[-1] == (3, "two, by git", False)


def test_a_dry_run_says_all_and_changes_nothing(folder, alpha, run, dana):
    add_webhook(alpha, "https://example.com/", ["prompt.published"], actor=dana)
    write_user(folder, "two")
    n_entries = AuditEntry.objects.count()

    said = run("import", alpha, folder, publish=True, note="x", dry_run=True)

    assert "v2 published" in said
    assert "nothing was changed" in said
    assert (len(numbers()), AuditEntry.objects.count()) == (1, n_entries)
    assert WebhookDelivery.objects.count() == 0


def test_webhooks_are_told_of_imports(folder, alpha, run, dana):
    add_webhook(alpha, "https://example.com/", ["prompt.published"], actor=dana)
    write_user(folder, "two")

    run("import", alpha, folder, publish=True, note="x")

    assert json.loads(WebhookDelivery.objects.get().body)["by"] == "prompts_import"


def test_publishing_wants_a_note(folder, alpha, run):
    write_user(folder, "two")

    with pytest.raises(CommandError, match="support-answer: note: Say what changed and why"):
        run("import", alpha, folder, publish=True)
    assert len(numbers()) == 1


def test_labels_move_when_that_is_asked_for(folder, alpha, run):
    change_head(folder, labels=["production"])
    write_user(folder, "two")

    run("import", alpha, folder, publish=True, note="x")
    assert PromptLabel.objects.count() == 0

    said = run("import", alpha, folder, labels=True)
    assert "'production' moves to v2" in said
    assert PromptLabel.objects.get().version.number == 2


def test_a_protected_label_is_named_and_asked_for_by_force(folder, alpha, run, prompt, writer):
    protect_label(prompt, "production", writer, protected=True)
    change_head(folder, labels=["production"])

    with pytest.raises(CommandError, match="'production' is protected"):
        run("import", alpha, folder, labels=True)

    assert "once somebody approves" in run("import", alpha, folder, labels=True, force=True)
    assert PromptLabel.objects.get().version is None


def test_a_label_takes_no_draft(folder, alpha, run):
    change_head(folder, labels=["production"])
    write_user(folder, "two")

    with pytest.raises(CommandError, match="takes no draft"):
        run("import", alpha, folder, labels=True)
    assert len(numbers()) == 1


def test_an_archived_prompt_stands_against_changes_alone(folder, alpha, run, prompt, writer):
    set_archived(prompt, writer, archived=True)

    assert "as in the files" in run("import", alpha, folder)
    write_user(folder, "two")
    with pytest.raises(CommandError, match="support-answer: archived in the project"):
        run("import", alpha, folder)


def test_a_number_that_says_something_else_is_named(alpha, gamma, run, tmp_path, folder, writer):
    run("export", alpha, tmp_path / "all.json")
    other = create_prompt(gamma, "support-answer", writer)
    publish(create_draft(other, Draft(system="mine"), writer), "why", writer)

    with pytest.raises(CommandError, match="v1 says something else in the project"):
        run("import", gamma, tmp_path / "all.json")

    run("import", gamma, tmp_path / "all.json", force=True)
    assert [each.number for each in other.versions.all()] == [2, 1]


def test_names_and_tags_follow_the_file(folder, alpha, run):
    change_head(folder, name="Other", tags=["x"])

    assert "name, description, tags as in the file" in run("import", alpha, folder)
    assert (Prompt.objects.get().name, Prompt.objects.get().tags) == ("Other", ["x"])


def test_keys_that_differ_by_case_alone_share_no_folder(alpha, run, tmp_path, writer):
    create_prompt(alpha, "a", writer)
    create_prompt(alpha, "A", writer)

    with pytest.raises(CommandError, match="differs by case alone"):
        run("export", alpha, tmp_path / "git")
    assert not (tmp_path / "git").exists()


def test_numbers_must_be_free(prompt, published, writer):
    published("one")

    with pytest.raises(PromptError, match="v1 is taken"):
        create_draft(prompt, Draft(), writer, number=1)

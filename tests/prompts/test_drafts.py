from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from core.models import AuditEntry
from prompts.acting import PromptError
from prompts.drafts import (
    Draft,
    create_draft,
    create_prompt,
    discard_draft,
    publish,
    rename_prompt,
    save_draft,
    set_archived,
)
from prompts.models import Prompt, PromptVersion

pytestmark = pytest.mark.django_db


def code_of(call, *args, **kwargs):
    with pytest.raises(PromptError) as refused:
        call(*args, **kwargs)
    return refused.value.code


def test_a_draft_gets_the_next_number_and_knows_its_variables(prompt, writer):
    first = create_draft(
        prompt, Draft(system="Be {{tone}}", user_template="{{q}} {{tone}}"), writer
    )
    second = create_draft(prompt, Draft(messages=[{"role": "user", "content": "{{x}}"}]), writer)

    assert (first.number, first.variables_found, first.is_published) == (1, ["tone", "q"], False)
    assert (second.number, second.parent, second.variables_found) == (2, first, ["x"])


def test_two_editors_of_a_draft_never_overwrite_each_other(prompt, writer, approver):
    draft = create_draft(prompt, Draft(user_template="one"), writer)
    save_draft(draft, Draft(user_template="two"), approver, revision=0)

    assert code_of(save_draft, draft, Draft(user_template="three"), writer, revision=0) == (
        "draft_changed"
    )
    assert PromptVersion.objects.get().user_template == "two"


def test_publishing_takes_a_note_and_a_change(prompt, writer, published):
    published("Hello {{name}}")
    same = create_draft(prompt, Draft(user_template="Hello {{name}}"), writer)

    assert code_of(publish, same, " ", writer) == "note_missing"
    assert code_of(publish, same, "again", writer) == "no_change"


def test_a_published_version_takes_no_more_changes(published, writer):
    version = published("Hello")

    assert code_of(save_draft, version, Draft(), writer, revision=0) == "published"
    assert code_of(publish, version, "again", writer) == "published"
    assert code_of(discard_draft, version, writer) == "published"


@pytest.mark.parametrize(
    "statement",
    ["UPDATE prompts_promptversion SET user_template = 'Bye'", "DELETE FROM prompts_promptversion"],
)
def test_the_database_refuses_to_change_a_published_version(published, statement):
    published("Hello")

    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        connection.cursor().execute(statement)


def test_a_draft_may_be_discarded(prompt, writer):
    draft = create_draft(prompt, Draft(user_template="one"), writer)

    discard_draft(draft, writer)

    assert PromptVersion.objects.count() == 0


@pytest.mark.parametrize(
    ("draft", "code", "field"),
    [
        (Draft(system="x" * 262_145), "too_large", "system"),
        (Draft(user_template="é" * 131_073), "too_large", "user_template"),
        (Draft(user_template="a\0b"), "bad_text", "user_template"),
        (Draft(system="a\ud800"), "bad_text", "system"),
        (Draft(messages=[{"role": "boss", "content": ""}]), "bad_message", "messages[0]"),
        (Draft(messages=[{"role": "user", "content": None}]), "bad_message", "messages[0]"),
        (Draft(messages=[{"role": "user", "content": "", "x": 1}]), "bad_message", "messages[0]"),
        (Draft(messages=[{"role": "user", "content": ""}] * 201), "too_many_messages", "messages"),
    ],
)
def test_texts_out_of_bounds_are_refused_by_name(prompt, writer, draft, code, field):
    with pytest.raises(PromptError) as refused:
        create_draft(prompt, draft, writer)

    assert (refused.value.code, refused.value.field) == (code, field)
    assert PromptVersion.objects.count() == 0


@pytest.mark.parametrize("key", ["", "a/b", "-a", "ü", "a" * 129, "a b"])
def test_a_key_that_clients_could_not_put_into_an_address_is_refused(alpha, writer, key):
    with pytest.raises(ValidationError):
        create_prompt(alpha, key, writer)


def test_a_key_is_taken_once_a_project(prompt, writer, beta):
    assert code_of(create_prompt, prompt.project, prompt.key, writer) == "key_taken"
    assert create_prompt(beta, prompt.key, writer).pk != prompt.pk


def test_an_archived_prompt_takes_no_drafts(prompt, writer):
    set_archived(prompt, writer, archived=True)

    assert code_of(create_draft, prompt, Draft(), writer) == "archived"

    set_archived(prompt, writer, archived=False)
    assert create_draft(prompt, Draft(), writer).number == 1


def test_every_change_is_audited(prompt, published, writer):
    published("Hello", note="warmer")

    entries = AuditEntry.objects.order_by("id").values_list("action", "actor_label", "target")
    assert list(entries) == [
        ("prompt.create", "erin", "support-answer"),
        ("prompt.draft", "erin", "support-answer"),
        ("prompt.publish", "erin", "support-answer"),
    ]


def test_what_was_read_is_what_is_published(prompt, writer, approver):
    draft = create_draft(prompt, Draft(user_template="one"), writer)
    save_draft(draft, Draft(user_template="two"), approver, revision=0)

    assert code_of(publish, draft, "why", writer, revision=0) == "draft_changed"
    assert publish(draft, "why", writer, revision=1).user_template == "two"


def test_a_draft_that_others_stand_on_is_discarded_from_below_them(prompt, writer):
    first, second, third = (
        create_draft(prompt, Draft(user_template=text), writer) for text in ("one", "two", "three")
    )

    discard_draft(second, writer)
    third.refresh_from_db()
    assert third.parent == first

    publish(third, "why", writer)
    assert code_of(discard_draft, first, writer) == "has_children"
    assert code_of(discard_draft, second, writer) == "discarded"


def test_a_draft_may_stand_on_an_older_version(prompt, writer, published):
    first = published("one")
    published("two")

    assert create_draft(prompt, Draft(user_template="three"), writer, base=1).parent == first


def test_a_prompt_is_renamed_and_keeps_its_key(prompt, writer):
    rename_prompt(prompt, writer, name="Answer", description="All of it", tags=["support"])
    prompt.refresh_from_db()

    assert (prompt.key, prompt.name, prompt.tags) == ("support-answer", "Answer", ["support"])
    assert AuditEntry.objects.filter(action="prompt.rename").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_those_who_create_a_prompt_at_once_one_does(alpha, writer):
    def create(n):
        try:
            return create_prompt(alpha, "tone", writer).key
        except PromptError as error:
            return error.code
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        told = sorted(pool.map(create, range(4)))

    assert told == ["key_taken", "key_taken", "key_taken", "tone"]
    assert Prompt.objects.count() == 1

"""Prompts as the unmodified Python client of Fallom, 0.2.7, gets them."""

import json

import pytest

from prompts import catalogue
from prompts.acting import Author
from prompts.drafts import Draft, create_draft, create_prompt, publish
from prompts.labels import move_label

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def prompt(alpha, erin):
    catalogue.forget()
    author = Author.of_user(erin)
    prompt = create_prompt(alpha, "support-answer", author)
    for text in ("Hello {{name}}", "Hi {{ name }}, {{unknown}}", "Hey {{name}}"):
        draft = Draft(system="Be kind" if "Hi" in text else "", user_template=text)
        publish(create_draft(prompt, draft, author), "a note", author)
    move_label(prompt, "production", 2, "best so far", author)
    yield prompt
    catalogue.forget()


def test_its_client_gets_current_and_pinned_versions_and_sees_a_moved_label(run, prompt):
    seen = json.loads(run("fallom_prompts"))

    assert seen == {
        "current": ["support-answer", 2, "Be kind", "Hi Ada, {{unknown}}"],
        "pinned": ["support-answer", 1, "", "Hello Ada"],
        "untouched": ["support-answer", 2, "Be kind", "Hi {{ name }}, {{unknown}}"],
        "moved": ["support-answer", 1, "", "Hello Ada"],
    }

import pytest

from prompts import catalogue
from prompts.acting import Author
from prompts.drafts import Draft, create_draft, create_prompt, publish


@pytest.fixture(autouse=True)
def fresh_catalogue():
    catalogue.forget()


@pytest.fixture
def writer(erin):
    return Author.of_user(erin)


@pytest.fixture
def approver(dana):
    return Author.of_user(dana)


@pytest.fixture
def prompt(alpha, writer):
    return create_prompt(alpha, "support-answer", writer, name="Support answer")


@pytest.fixture
def published(prompt, writer):
    """Publishes a version with this user template."""

    def make(template, note="a note"):
        return publish(create_draft(prompt, Draft(user_template=template), writer), note, writer)

    return make

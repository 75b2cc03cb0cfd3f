import pytest
from django.core.management import call_command

from prompts import catalogue
from prompts.acting import Author
from prompts.drafts import Draft, create_draft, create_prompt, publish
from tests.cast import make_client
from tests.prompts.admin_pages import BASE


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


@pytest.fixture
def versions(published):
    return [published("one"), published("two"), published("three")]


@pytest.fixture
def run(capsys):
    """Imports and exports by command; returns what it prints."""

    def command(name, project, path, **options):
        call_command(f"prompts_{name}", path, project=project.slug, **options)
        return capsys.readouterr().out

    return command


@pytest.fixture
def folder(tmp_path, run, alpha, published):
    """Version 1 of a prompt, exported."""
    published("one")
    run("export", alpha, tmp_path / "git")
    return tmp_path / "git"


@pytest.fixture
def editor(erin):
    return make_client(erin)


@pytest.fixture
def admin(dana):
    return make_client(dana)


@pytest.fixture
def send(prompt):
    """Posts to a page of the prompt; returns the answer's status and the notices after it."""

    def act(client, path, /, **fields):
        response = client.post(f"{BASE}{prompt.pk}/{path}", fields, follow=True)
        return response.status_code, [str(each) for each in response.context["messages"]]

    return act

"""Declared experiments for tests: two versions of a prompt, or two plain variants."""

import json
from datetime import timedelta

from experiments.declarations import Declaration, DeclaredVariant
from experiments.lifecycle import change_status, declare
from prompts.acting import Author
from prompts.drafts import Draft, create_draft, create_prompt, publish
from prompts.labels import move_label
from tests.experiments.arms import NOW

ROBOT = Author(None, "robot")
STARTED = NOW - timedelta(hours=6)  # before the sessions of tests.experiments.arms
PLAIN = Declaration(
    key="tone",
    variants=(DeclaredVariant(key="control"), DeclaredVariant(key="warm")),
)


def make_versions(project, key="support-answer", *, n=2, author=ROBOT):
    """A prompt with ``n`` published versions, the first in production."""
    prompt = create_prompt(project, key, author)
    for number in range(1, n + 1):
        draft = Draft(user_template=f"text {number}")
        publish(create_draft(prompt, draft, author), "a note", author)
    move_label(prompt, "production", 1, "first", author)
    return prompt


def make_running(project, said=PLAIN, *, now=STARTED):
    return change_status(declare(project, said, ROBOT), "start", ROBOT, now=now)


def post(client, path="", body=None, **headers):
    """Post to the API of experiments; return the status and the decoded answer."""
    response = client.post(
        f"/api/v1/experiments{path}",
        json.dumps({} if body is None else body),
        content_type="application/json",
        headers=headers,
    )
    return response.status_code, response.json()

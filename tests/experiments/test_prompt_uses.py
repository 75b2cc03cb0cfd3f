"""The page of a prompt is told in which experiments its versions were used."""

import re

import pytest

from tests.flows import digest_all, make_sender, make_span, send_events
from tests.tracking.conftest import pipeline, weeks_ahead  # noqa: F401 # fixtures

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("pipeline")]

ADDRESS = "/p/alpha/experiments-of-prompt/"


def send(project, session, *, version="7", prompt="support-answer", **attributes):
    call = {"kind": "llm", "session_id": session, "prompt": prompt, "prompt_version": version}
    span = make_span(f"t-{session}", "call", attributes=attributes, **call)
    send_events(make_sender(project), [span])


def met(experiment, variant):
    return {"assay.experiment": experiment, "assay.variant": variant}


def uses_of(client, prompt="support-answer"):
    response = client.get(ADDRESS, {"prompt": prompt})
    return [(u.experiment, u.variant, u.version, u.sessions) for u in response.context["uses"]]


def test_versions_are_told_by_experiment_and_variant(
    alpha, bob_client, django_assert_max_num_queries
):
    send(alpha, "a", **met("tone=warm/er", "control"))
    send(alpha, "b", **met("tone=warm/er", "control"))
    send(alpha, "c", version="8", **met("tone=warm/er", "warm"))
    send(alpha, "d", prompt="support-answer-2", **met("other", "x"))
    send(alpha, "e")
    digest_all()

    with django_assert_max_num_queries(6):
        found = uses_of(bob_client)

    assert found == [("tone=warm/er", "control", "7", 2), ("tone=warm/er", "warm", "8", 1)]
    body = bob_client.get(ADDRESS, {"prompt": "support-answer"}).content.decode()
    link = re.search(r'class="cell-title" href="([^"]+)"', body)
    assert link is not None
    assert bob_client.get(link[1]).context["experiment"].key == "tone=warm/er"


def test_experiments_of_other_projects_are_not_told(alpha, beta, bob_client, charlie_client):
    send(beta, "a", **met("secret", "x"))
    digest_all()

    assert uses_of(bob_client) == []
    assert charlie_client.get(ADDRESS).status_code == 404


@pytest.mark.parametrize("prompt", ["", "a\0b", "%", "unknown"])
def test_what_is_no_prompt_was_used_nowhere(alpha, bob_client, prompt):
    send(alpha, "a", **met("tone", "x"))
    digest_all()

    assert uses_of(bob_client, prompt) == []


def test_names_are_escaped(alpha, bob_client):
    send(alpha, "a", version="<b>7", **met("<script>x", "<i>"))
    digest_all()

    body = bob_client.get(ADDRESS, {"prompt": "support-answer"}).content

    assert b"&lt;script&gt;x" in body
    assert b"<script>" not in body

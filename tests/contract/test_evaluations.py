"""Judgements of real clients are scores, wherever they were said."""

import pytest

from tests.flows import digest_all, drift_of
from tracking.models import SessionMetric

pytestmark = pytest.mark.django_db(transaction=True)

SCORES = {
    "thumb": ("span", 1.0, "human", ""),
    "solved": ("session", "yes", "code", ""),
    "tone": ("span", 0.5, "judge", "Kind."),
    "relevance": ("span", 0.75, "judge", "It answers."),
    "truth": ("span", 0.25, "judge", "Not quite."),
}


def test_judgements_are_scores_of_what_they_judge(run, api, alpha, bob_client):
    run("evaluations")
    digest_all()

    found = api.get("/api/v1/scores?session_id=s-evaluations").json()["results"]
    spans = {score["target"].get("span_id") for score in found} - {None}
    assert {
        score["name"]: (
            score["target"]["kind"],
            score["value"],
            score["source"],
            score["comment"],
        )
        for score in found
    } == SCORES
    assert len(spans) == 1
    metrics = SessionMetric.objects.filter(project_id=alpha.pk, session_id="s-evaluations")
    assert sorted(metrics.values_list("name", "n")) == [
        ("score:relevance", 1),
        ("score:solved=yes", 1),
        ("score:thumb", 1),
        ("score:tone", 1),
        ("score:truth", 1),
    ]
    page = bob_client.get("/p/alpha/sessions/s-evaluations/").content.decode()
    assert [name for name in SCORES if name not in page] == []
    assert drift_of(alpha.pk) == []

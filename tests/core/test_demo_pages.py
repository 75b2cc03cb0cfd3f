"""The demo through the doors and onto the pages: what a first look at each of them finds."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from core.demo.declarations import experiment_requests
from core.demo.prompts import prompt_requests
from core.demo.requests import TRACES_PATH, build_requests
from tests.flows import digest_all, drift_of, make_sender, status_of
from tests.tracking.conftest import pipeline, weeks_ahead  # noqa: F401

pytestmark = pytest.mark.usefixtures("pipeline")

TRACES_SENT = 6  # of the fifty requests with sessions, which are alike; the last one is another's


def demo_requests(now: datetime):
    found = list(build_requests(now))
    traces = [request for request in found if request.path == TRACES_PATH]
    left_out = traces[TRACES_SENT - 1 : -1]
    return [request for request in found if request not in left_out]


@pytest.fixture
def look(alpha, bob_client):
    """The text of a page of the project, with the demo in it."""
    sender = make_sender(alpha)
    for request in [*prompt_requests(), *experiment_requests(), *demo_requests(timezone.now())]:
        headers = {"Content-Encoding": "gzip"} if request.is_gzipped else {}
        answer = sender.post(
            request.path,
            request.body,
            content_type=request.content_type,
            headers=headers | {"Idempotency-Key": request.once or request.path + str(id(request))},
        )
        assert answer.status_code in {200, 201, 202}, answer.content
    digest_all()

    def text(path):
        page = bob_client.get(f"/p/alpha/{path}")
        assert page.status_code == 200, path
        return page.content.decode()

    return text


WORDS = {
    "runs/": ["Choose three articles", "running", "failed", "cancelled", "budget:tokens"],
    "runs/?status=completed&protocol=shared": ["shared"],
    "runs/?tab=benchmarks": ["frontier", "openai:gpt-4o-mini", "shop-decisions"],
    "runs/?tab=unattached": ["metrics", "fetch failed"],
    "settings/capabilities/?range=30d": [
        *("parameter-normalized", "model-substituted", "carried without a warning"),
        *("fjell-7b-instruct", "stop-sequences-truncated"),
    ],
    "settings/ingestion/": ["unknown_model", "runs of Dogpile", "chats of ai.matey"],
    "settings/attributes/": ["shop.warehouse", "shop.sku"],
    "settings/prices/": ["fjell-7b-instruct", "unknown"],
    "events/": ["ai.matey warning", "role-assignment"],
    "sessions/?metadata.team=content&range=30d": ["studio-"],
    "sessions/?warning=stream_interrupted": ["studio-"],
    "prompts/": ["support-answer", "production"],
    "experiments/": ["Escalation wording", "Answer tone", "Draft"],
    "decisions/?range=30d": ["thompson-sampling", "ucb"],
}


def test_every_page_has_something_to_show(alpha, api, look):
    missing = {
        path: [word for word in words if word not in text]
        for path, words in WORDS.items()
        for text in [look(path)]
    }
    since = (timezone.now() - timedelta(days=15)).isoformat()
    scores = api.get("/api/v1/scores", {"page_size": 200, "from": since}).json()["results"]
    of_runs = api.get("/api/v1/scores", {"name": "useful", "from": since}).json()["results"]
    status = status_of(alpha)

    assert {path: words for path, words in missing.items() if words} == {}
    assert {score["source"] for score in scores} == {"user", "human", "judge", "code"}
    assert {score["target"]["kind"] for score in of_runs} == {"run"}
    assert (status.rejected_events, status.quarantined, status.pending_batches) == (0, 0, 0)
    assert drift_of(alpha.pk) == []

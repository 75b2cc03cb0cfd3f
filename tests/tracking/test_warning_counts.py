"""Warnings of what documents mean are told on the ingestion page, each once."""

import json

import pytest
from django.db.models import Sum
from django.utils import timezone

from tests.flows import digest_all, drift_of, make_sender
from tests.tracking import dogpile_runs
from tests.tracking.chats import request, response
from tracking import dimensions
from tracking.adapters import matey_streams
from tracking.adapters.matey_deriving import ATTEMPTS_CUT
from tracking.ingest_health import hint_of
from tracking.models import IngestCounter

pytestmark = pytest.mark.usefixtures("pipeline")
PAGE = "/p/alpha/settings/ingestion/"


@pytest.fixture
def post(alpha):
    sender = make_sender(alpha)

    def send(*items, path="/api/v1/chats"):
        for item in items:
            answer = sender.post(path, json.dumps(item), content_type="application/json")
            assert answer.status_code == 202, answer.content
            digest_all()

    return send


def warned():
    rows = IngestCounter.objects.filter(fate="warned")  # of one hour, or two
    return dict(rows.values_list("detail").annotate(sum=Sum("n")).exclude(sum=0))


def said(request_id="req-1", **more):
    now_ms = int(timezone.now().timestamp() * 1000) - 60_000
    return {"requestId": request_id, "timestamp": now_ms, **more}


def clamped(category="parameter-clamped", request_id="req-1"):
    return {"category": category, "message": "limited", "requestId": request_id}


def test_a_warning_counts_once_however_often_its_chat_is_derived(alpha, post, bob_client):
    asked = request(metadata=said(warnings=[clamped()]))

    post(asked)
    first = warned()
    post(response(metadata=said()), asked)

    assert first["ir:parameter-clamped"] == 1
    assert warned()["ir:parameter-clamped"] == 1
    page = bob_client.get(PAGE).content.decode()
    assert "ir:parameter-clamped" in page
    assert "between two formats: see Translation." in page
    assert drift_of(alpha.pk) == []


def test_a_warning_that_a_later_piece_brings_counts_too(alpha, post):
    post(request(metadata=said()))
    before = warned()

    post(response(metadata=said(warnings=[clamped()])))

    assert "ir:parameter-clamped" not in before
    assert warned()["ir:parameter-clamped"] == 1


def test_names_that_senders_choose_are_bounded(alpha, post, monkeypatch):
    monkeypatch.setitem(dimensions.LIMITS, "warning", 2)

    post(request(metadata=said(warnings=[clamped(f"c{n}") for n in range(5)])))

    assert len(warned()) <= 3
    assert warned()[dimensions.OTHER] >= 3


@pytest.mark.parametrize(
    "code",
    [
        matey_streams.MISMATCH,
        matey_streams.GAP,
        matey_streams.OUT_OF_ORDER,
        matey_streams.CONFLICT,
        matey_streams.INTERRUPTED,
        ATTEMPTS_CUT,
    ],
)
def test_each_warning_of_chats_is_explained(code):
    assert hint_of(code) != ""


def test_a_run_sent_again_warns_of_nothing_new(alpha, post):
    loose = dogpile_runs.event("agent-turn", 1, agentId="a", at=None)
    post(loose, path="/api/v1/runs")
    before = warned()

    post(loose, path="/api/v1/runs")

    assert warned() == before

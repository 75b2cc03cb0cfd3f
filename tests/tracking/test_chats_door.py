"""/api/v1/chats: accepted, digested, counted once whatever the order, refused with a reason."""

import json
import random

import pytest

from tests.flows import digest_all, drift_of, make_sender, status_of
from tests.tracking.chats import PAYLOADS, content, lines, payload, request, response, stream
from tests.tracking.everything import find_anywhere
from tracking.models import (
    Document,
    DocumentPart,
    Event,
    InboxBatch,
    Quarantined,
    Session,
    Trace,
)

pytestmark = pytest.mark.usefixtures("pipeline")
PATH = "/api/v1/chats"
NAMES = sorted(p.name for p in PAYLOADS.iterdir() if not p.name.startswith("otlp-"))


def post(client, body, path=PATH, **headers):
    text = body if isinstance(body, bytes) else json.dumps(body)
    return client.post(path, text, content_type="application/json", headers=headers)


@pytest.mark.parametrize("name", NAMES)
def test_every_payload_is_accepted_and_stored(alpha, sender, name):
    answer = post(sender, payload(name))
    digest_all()

    n = 7 if name == "stream.jsonl" else 1
    assert (answer.status_code, answer.json()) == (202, {"accepted": n, "rejected": []})
    assert (status_of(alpha).stored_events, status_of(alpha).quarantined) == (n, 0)
    assert Document.objects.count() == 1
    assert drift_of(alpha.pk) == []


def test_all_payloads_together_are_stored_once(alpha, sender):
    for _ in range(2):
        for name in NAMES:
            post(sender, payload(name))
        digest_all()

    status = status_of(alpha)
    n_parts = DocumentPart.objects.count()
    # 30 items, one of which is in the stream as well.
    assert (n_parts, status.stored_events, status.duplicate_events) == (29, 29, 31)
    assert Session.objects.get(session_id="session-123").n_llm == 3
    assert drift_of(alpha.pk) == []


@pytest.mark.parametrize("slash", ["", "/"])
def test_it_answers_with_and_without_a_slash(sender, slash):
    assert post(sender, request(), PATH + slash).status_code == 202


def test_the_query_and_the_header_name_the_request(sender):
    post(sender, content(1, "a"), f"{PATH}?requestId=by-query&sessionId=s")
    post(sender, content(1, "a"), **{"X-Request-Id": "by-header"})
    digest_all()

    assert set(Trace.objects.values_list("trace_id", "claim_session")) == {
        ("by-query", "s"),
        ("by-header", ""),
    }


def test_the_query_wins_over_the_header(sender):
    post(sender, content(1, "a"), f"{PATH}?requestId=own", **{"X-Request-Id": "proxy"})
    digest_all()

    assert Trace.objects.get().trace_id == "own"


def test_a_wrong_shape_is_a_problem_with_a_hint(sender):
    answer = post(sender, {"finishReason": "stop"})

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert "the nearest is a response" in answer.json()["detail"]
    assert InboxBatch.objects.count() == 0


def test_a_bad_item_costs_no_good_one(alpha, sender):
    answer = post(sender, lines(request(), {"foo": 1}, response()))
    digest_all()

    assert answer.status_code == 202
    assert [(r["index"], r["code"]) for r in answer.json()["rejected"]] == [(1, "shape_unknown")]
    status = status_of(alpha)
    assert (status.stored_events, status.rejected_events) == (2, 1)


def test_hostile_text_is_stored(alpha, sender):
    nasty = "nul\0 and \ud800 " + "x" * 3000
    said = {"requestId": nasty, "custom": {"plan": nasty}, "provenance": {"backend": nasty}}
    warnings = [{"category": nasty, "severity": nasty, "message": nasty}]
    sent = response(nasty, nasty, metadata={**said, "warnings": warnings})
    told = {"backend": nasty, "capabilities": {"streaming": True, "note": nasty}}
    for item in (
        sent,
        warnings[0],
        told,
        {"type": "error", "sequence": 1, "error": {"message": nasty}},
    ):
        assert post(sender, item).status_code == 202
    digest_all()

    assert Quarantined.objects.count() == 0
    assert (Document.objects.count(), Event.objects.count()) == (4, 3)
    assert drift_of(alpha.pk) == []


def state(project):
    """What is stored of a project, whenever it was received."""
    events = Event.objects.filter(project_id=project.pk).order_by("id")
    documents = Document.objects.filter(project_id=project.pk)
    sessions = Session.objects.filter(project_id=project.pk).order_by("session_id")
    columns = ("id", "occurred_at", "content_rank", "parent_span_id", "finish_reason", "tokens_in")
    return (
        list(events.values_list(*columns)),
        list(documents.values_list("key", "derived", "summary")),
        list(sessions.values("session_id", "n_llm", "n_spans", "tokens_in", "cost_nano")),
    )


@pytest.mark.parametrize("seed", range(6))
def test_any_order_and_any_split_end_in_one_state(alpha, beta, seed):
    dice = random.Random(seed)
    chunks = [{"requestId": "req_7Qk2", "chunk": chunk} for chunk in stream()]
    names = ["chat-request", "chat-request-tool-result", "exchange-envelope-proposed"]
    items = [*chunks, *(json.loads(payload(f"{name}.json")) for name in names)]
    post(make_sender(alpha), {"items": items})
    digest_all()

    sender = make_sender(beta)
    for item in dice.sample(items, len(items)) + dice.sample(items, 4):
        post(sender, item)
        if dice.random() < 0.5:
            digest_all()
    digest_all()

    assert state(beta) == state(alpha)
    assert len(state(alpha)[0]) == 3  # the root, the answer, the stream
    assert status_of(beta).duplicate_events == 4
    assert drift_of(alpha.pk) == drift_of(beta.pk) == []


def test_a_retry_that_went_well_is_no_failed_session(alpha, sender):
    failed = {"request": request(), "error": {"code": "E"}, "durationMs": 5, "sessionId": "s"}
    post(sender, failed)
    digest_all()
    assert Session.objects.get().n_root_errors == 1

    post(sender, {"request": request(), "response": response(), "sessionId": "s"})
    digest_all()

    session = Session.objects.get()
    assert (session.n_root_errors, session.n_errors, session.n_llm) == (0, 1, 2)
    assert drift_of(alpha.pk) == []


def test_tokens_and_money_count_once(alpha, sender):
    post(sender, payload("exchange-envelope-proposed.json"))
    post(sender, payload("chat-response.json"))
    digest_all()

    session = Session.objects.get()
    assert (session.n_llm, session.tokens_in, session.tokens_out) == (1, 812, 6)
    assert session.cost_nano == 2_526_000


def test_lists_filter_by_warning_and_by_finish_reason(api):
    post(api, payload("exchange-envelope-proposed.json"))
    digest_all()

    for path in ("sessions", "traces", "spans"):
        for query, n in (
            ("warning=ir:model-substituted", 1),
            ("warning=ir:nothing", 0),
            ("finish_reason=stop", 1),
            ("finish_reason=length", 0),
            ("metadata.backend=anthropic", 1),
        ):
            found = api.get(f"/api/v1/{path}?{query}").json()["results"]
            assert len(found) == n, (path, query)


def test_without_capture_nothing_that_was_said_is_stored(alpha, sender):
    alpha.capture_content = False
    alpha.save(update_fields=["capture_content"])
    mark = "Zanzibar"
    image = {"type": "image", "source": {"type": "base64", "mediaType": "image/png", "data": mark}}
    asked = request(messages=[{"role": "user", "content": [{"type": "text", "text": mark}, image]}])
    named = {"requestId": "req-2"}
    for item in (
        {"request": asked, "response": response(mark)},
        {**named, **content(1, mark, accumulated=mark)},
        {**named, "type": "tool_use", "sequence": 2, "id": "i", "name": "n", "inputDelta": mark},
        content(1, mark, accumulated=mark),
    ):
        post(sender, item)
    digest_all()

    assert find_anywhere(mark) == []
    assert Event.objects.count() == 3
    assert "content_dropped" in Event.objects.get(trace_id="req-1").warnings
    assert drift_of(alpha.pk) == []

"""Capture and masks through the real path: nothing that is to be dropped reaches a table."""

import datetime
import json

import pytest
from django.utils import timezone

import tracking.adapters
from tests.flows import digest_all, drift_of, make_sender, make_span, send_events, status_of
from tests.tracking.everything import find_anywhere
from tracking.models import Event, Quarantined, Session, SessionText
from tracking.payloads import empty_stale_slots, load_payloads
from tracking.staging import open_cursor

pytestmark = pytest.mark.usefixtures("pipeline")
MARK = "Zanzibar"


def configure(project, **fields):
    for name, value in fields.items():
        setattr(project, name, value)
    project.save(update_fields=list(fields))


def telling_span(**data):
    attributes = {
        "gen_ai.prompt.0.content": f"{MARK} prompt",
        "gen_ai.request.model": "gpt-4o",
        "tool.parameters": {"q": MARK},
    }
    said = {"input": f"{MARK} in", "output": json.dumps([{"role": "assistant", "content": MARK}])}
    return make_span(
        "t1", "a", kind="llm", session_id="s", attributes=attributes, **{**said, **data}
    )


def payload_of(event):
    return load_payloads(event.project_id, [(event.occurred_at, event.block_id, event.block_ix)])[0]


def test_content_is_kept_unless_somebody_says_otherwise(alpha):
    send_events(make_sender(alpha), [telling_span()])
    digest_all()

    assert payload_of(Event.objects.get()).input == f"{MARK} in"
    assert MARK in SessionText.objects.get().first_input


def test_without_capture_no_content_is_stored_anywhere(alpha):
    configure(alpha, capture_content=False)

    send_events(make_sender(alpha), [telling_span(tokens={"input": 9, "output": 2})])
    digest_all()

    event = Event.objects.get()
    assert (event.tokens_in, event.model, event.warnings) == (9, "gpt-4o", ["content_dropped"])
    assert Session.objects.get().tokens_in == 9
    assert find_anywhere(MARK) == []
    assert drift_of(alpha.pk) == []


def test_without_capture_the_words_of_a_score_are_dropped_too(alpha, api):
    configure(alpha, capture_content=False)
    score = {"session_id": "s", "name": "helpful", "value": 1, "comment": f"{MARK}!"}

    assert api.post("/api/v1/scores", score, content_type="application/json").status_code == 202
    digest_all()

    assert Event.objects.get().metrics == [["score:helpful", 1.0]]
    assert find_anywhere(MARK) == []


def test_without_capture_what_cannot_be_understood_keeps_no_body(alpha, monkeypatch):
    configure(alpha, capture_content=False)
    send_events(make_sender(alpha), [telling_span()])
    broken = tracking.adapters.Adapter(tracking.adapters.ADAPTERS["analytics"].check, fail)
    monkeypatch.setitem(tracking.adapters.ADAPTERS, "analytics", broken)

    digest_all()

    item = Quarantined.objects.get()
    assert (item.reason, bytes(item.body)) == ("adapter_failed: content_dropped", b"")
    assert find_anywhere(MARK) == []
    assert status_of(alpha).quarantined == 1


def fail(body, *, receipt):
    raise ValueError(f"cannot read {MARK}")


def test_secrets_are_masked_by_default(alpha):
    key = "sk-proj-" + "abcd1234" * 4
    send_events(make_sender(alpha), [telling_span(input=f"use {key}", error=f"bad {key}")])
    digest_all()

    event = Event.objects.get()
    assert payload_of(event).input == "use [secret]"
    assert event.error == "bad [secret]"
    assert event.warnings == ["masked"]
    assert payload_of(event).extra["masked"] == {"secret": 2}
    assert find_anywhere(key) == []


def test_masks_are_switched_on_and_off(alpha):
    key = "sk-proj-" + "abcd1234" * 4
    own = [{"name": "emp", "pattern": r"EMP-\d+"}]
    configure(alpha, masking={"patterns": ["email"], "own": own})

    send_events(make_sender(alpha), [telling_span(input=f"{key} of EMP-77, ada@example.com")])
    digest_all()

    assert payload_of(Event.objects.get()).input == f"{key} of [emp], [email]"


def test_masked_words_of_a_score(alpha, api):
    configure(alpha, masking={"patterns": ["email"]})
    score = {"user_id": "u@example.com", "name": "n", "value": 1, "comment": "by ada@example.com"}

    api.post("/api/v1/scores", score, content_type="application/json")
    digest_all()

    assert find_anywhere("ada@example.com") == []
    assert Event.objects.get().user_own == "u@example.com"


def test_payloads_of_duplicates_are_not_kept_beside_those_of_new_items(alpha):
    first = telling_span()
    sender = make_sender(alpha)
    send_events(sender, [first])
    digest_all()
    alpha_blocks = find_anywhere(MARK)

    send_events(sender, [first, make_span("t1", "b", session_id="s", input="new")])
    digest_all()

    assert find_anywhere(MARK) == alpha_blocks


def test_a_replaced_version_is_emptied_out_of_its_block(alpha):
    start = timezone.now().replace(microsecond=0) - datetime.timedelta(hours=1)
    sender = make_sender(alpha)
    older = make_span("t1", "a", start=start, seconds=1, input=f"{MARK} old")
    send_events(sender, [older, make_span("t1", "b", start=start, input="stays")])
    digest_all()
    send_events(sender, [make_span("t1", "a", start=start, seconds=2, input="new")])
    digest_all()

    with open_cursor() as cursor:
        assert empty_stale_slots(cursor, alpha.pk, limit=10) == 1
        assert empty_stale_slots(cursor, alpha.pk, limit=10) == 0

    inputs = {payload_of(event).input for event in Event.objects.all()}
    assert inputs == {"new", "stays"}
    assert [where for where in find_anywhere(MARK) if where != "tracking_sessiontext"] == []

"""Clocks that are wrong, one enormous value, one span told in contradictory ways."""

import datetime
import itertools
import json

import pytest
from django.utils import timezone

from tests.flows import digest_all, make_span, send_events, status_of
from tracking.models import Event, Trace, UsageRollup

pytestmark = pytest.mark.usefixtures("no_drift")
HOUR = datetime.timedelta(hours=1)
NOW = timezone.now().replace(microsecond=0)


@pytest.mark.parametrize("skew", [-24 * HOUR, -HOUR, HOUR, 23 * HOUR], ids=str)
@pytest.mark.parametrize("door", ["/api/v1/events", "/v1/traces"])
def test_a_skewed_clock_is_kept_beside_the_time_of_receipt(sender, door, skew):
    start = NOW + skew
    if door == "/v1/traces":
        at_ns = int(start.timestamp()) * 10**9
        times = {"startTimeUnixNano": str(at_ns), "endTimeUnixNano": str(at_ns + 10**9)}
        span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "x", **times}
        body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
        sender.post(door, json.dumps(body), content_type="application/json")
    else:
        send_events(sender, [make_span("t", "x", start=start)])
    digest_all()

    event = Event.objects.get()
    assert (event.occurred_at, event.duration_us) == (start, 1_000_000)
    assert abs(event.received_at - timezone.now()) < HOUR
    hours = UsageRollup.objects.filter(family=UsageRollup.Family.ALL).values_list("hour", flat=True)
    assert set(hours) == {start.replace(minute=0, second=0)}


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_contradictory_versions_one_counts_in_any_order(alpha, sender, order):
    start = NOW - HOUR
    call = {"kind": "llm", "model": "gpt-4o", "start": start, "session_id": "s"}
    versions = [
        make_span("t", "a", seconds=1, tokens={"input": 1}, **call),
        make_span("t", "a", seconds=3, tokens={"input": 100}, status="error", **call),
        make_span("t", "a", seconds=2, tokens={"input": 10}, **call),
    ]
    for place in order:
        send_events(sender, [versions[place]])
        digest_all()

    trace = Trace.objects.get()
    assert (trace.n_spans, trace.n_llm, trace.tokens_in, trace.n_errors) == (1, 1, 100, 1)
    status = status_of(alpha)
    assert (status.stored_events, status.duplicate_events) == (1, 2)


@pytest.mark.parametrize("door", ["/api/v1/events", "/v1/traces"])
def test_a_value_of_fifteen_megabytes_is_kept_whole_and_shown(alpha, sender, bob_client, door):
    great = "é" * (15 << 19)  # two bytes each
    at_ns = int((NOW - HOUR).timestamp()) * 10**9
    times = {"startTimeUnixNano": str(at_ns), "endTimeUnixNano": str(at_ns + 10**9)}
    trace = "a" * 32
    if door == "/v1/traces":
        spans = [
            {
                "traceId": trace,
                "spanId": f"{n}" * 16,
                "name": "x",
                **times,
                "attributes": [{"key": "great", "value": {"stringValue": great if n == 1 else ""}}],
            }
            for n in (1, 2)
        ]
        body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    else:
        body = {
            "events": [
                make_span(trace, f"{n}" * 16, attributes={"great": great if n == 1 else ""})
                for n in (1, 2)
            ]
        }

    answer = sender.post(
        door, json.dumps(body, ensure_ascii=False).encode(), content_type="application/json"
    )
    digest_all()

    assert answer.status_code in {200, 202}
    assert (status_of(alpha).stored_events, status_of(alpha).quarantined) == (2, 0)
    told = sender.get(f"/api/v1/spans/{trace}/{'1' * 16}").json()
    assert told["attributes"]["great"] == great
    page = bob_client.get(f"/p/alpha/traces/{trace}/?span={'1' * 16}")
    assert page.status_code == 200
    assert len(page.content) < 4_000_000

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.flows import digest_all, drift_of, make_sender, make_span, send_events
from tracking.models import Session

pytestmark = pytest.mark.usefixtures("open_pipeline")


@pytest.fixture
def filled(alpha):
    arm = {"assay.experiment": "tone", "assay.variant": "warm"}
    call = {"kind": "llm", "tokens": {"input": 5}, "model": "m", "attributes": arm}
    run = {"experimentId": "e", "variantId": "v", "runId": "r", "metricValue": 2.5}
    events = [
        make_span(f"t{n}", "a", session_id=f"s{n % 2}", user_id="u", **call)
        for n in "1234"
        for n in [int(n)]
    ]
    point = {"type": "deployed", "data": {"release": "1.2"}}  # of no trace
    send_events(make_sender(alpha), [*events, {"type": "metric.computed", "data": run}, point])
    digest_all()
    return alpha


def tamper(statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
        assert cursor.rowcount > 0


TAMPERED = {
    "trace": "UPDATE tracking_trace SET tokens_in = tokens_in + 1",
    "missing trace": "DELETE FROM tracking_trace WHERE trace_id = 't1'",
    "part": "UPDATE tracking_tracepart SET n_spans = 0",
    "missing part": "DELETE FROM tracking_tracepart WHERE trace_id = 't2'",
    "session": "UPDATE tracking_session SET n_llm = n_llm + 1",
    "missing session": "DELETE FROM tracking_session WHERE session_id = 's1'",
    "metric": "UPDATE tracking_sessionmetric SET total = total + 1",
    "arm": "DELETE FROM tracking_armseen WHERE experiment = 'tone'",
    "rollup": "UPDATE tracking_usagerollup SET n = n + 1 WHERE family = 1",
    "sketch": "UPDATE tracking_usagerollup SET latency = NULL WHERE latency IS NOT NULL",
    "missing rollup": "DELETE FROM tracking_usagerollup WHERE family = 0",
    "event": "UPDATE tracking_event SET tokens_in = 7 WHERE trace_id = 't1'",
    "missing event": "DELETE FROM tracking_event WHERE trace_id = 't1'",
}


@pytest.mark.parametrize("statement", TAMPERED.values(), ids=TAMPERED)
def test_it_finds_and_repairs_what_was_tampered_with(filled, statement):
    assert drift_of(filled.pk) == []

    tamper(statement)
    assert drift_of(filled.pk) != []

    call_command("verify_rollups", "--repair", stdout=io.StringIO())
    assert drift_of(filled.pk) == []


def test_the_command_exits_with_1_on_a_difference(filled):
    tamper("UPDATE tracking_session SET n_llm = n_llm + 1")
    out = io.StringIO()

    with pytest.raises(CommandError, match="3 differences") as refusal:
        call_command("verify_rollups", stdout=out)

    assert refusal.value.returncode == 1
    assert "tracking_session ('s0',): stored" in out.getvalue()


def test_the_command_is_content_without_differences(filled):
    out = io.StringIO()

    call_command("verify_rollups", "--project", "alpha", stdout=out)

    assert out.getvalue().endswith("0 differences.\n")


def test_the_command_says_that_there_is_no_such_project(filled):
    with pytest.raises(CommandError, match="no project 'nope'"):
        call_command("verify_rollups", "--project", "nope")


def test_digesting_goes_on_after_a_repair(filled):
    tamper("DELETE FROM tracking_session WHERE session_id = 's1'")
    call_command("verify_rollups", "--repair", stdout=io.StringIO())

    send_events(make_sender(filled), [make_span("t9", "a", session_id="s1")])
    digest_all()

    assert Session.objects.get(session_id="s1").n_spans == 3
    assert drift_of(filled.pk) == []


@pytest.mark.parametrize("value", [546_045_827, -(10**140), 1e-140, 2**53 + 1])
def test_numbers_that_jsonb_writes_in_other_ways_are_no_difference(alpha, value):
    run = {"experimentId": "e", "variantId": "v", "runId": "r", "metricValue": value}
    sender = make_sender(alpha)

    for _ in range(2):
        send_events(sender, [{"type": "metric.computed", "data": run}])
        digest_all()

    assert drift_of(alpha.pk) == []

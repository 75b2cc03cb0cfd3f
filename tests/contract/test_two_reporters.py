"""Anthropic's client makes spans by itself; beside an instrumentation of it each call is told twice
and counts once."""

import pytest

from tests.contract.seen import Json, look

pytestmark = pytest.mark.django_db(transaction=True)


def not_counted(calls: list[Json]) -> list[str]:
    return [call["name"] for call in calls if call["duplicate_of"]]


def test_beside_openinference_the_clients_own_spans_count(run, api, alpha, bob_client):
    run("openinference_anthropic")

    seen = look(api, alpha, "s-oi-anthropic")
    calls = seen.of_kind("llm")
    assert len(calls) == 10
    # A stream's two spans lie beside each other, the others in each other.
    assert sorted(not_counted(calls)) == ["messages.create"] * 4 + ["messages.stream"]
    assert (seen.session["llm_calls"], seen.session["tokens_in"]) == (5, 4 * 30)
    call = next(call for call in calls if call["duplicate_of"])
    page = bob_client.get(f"/p/alpha/traces/{call['trace_id']}/?span={call['span_id']}")
    assert "same call, not counted" in page.content.decode()
    assert "com.anthropic.sdk.python" in page.content.decode()


def test_beside_traceloop_an_answers_id_tells_that_the_call_is_the_same(run, api, alpha):
    run("traceloop_sdk")

    seen = look(api, alpha, "s-traceloop")
    assert len(seen.of_kind("llm")) == 6
    assert not_counted(seen.of_kind("llm")) == ["anthropic.chat"]
    assert (seen.session["llm_calls"], seen.session["tokens_in"]) == (5, 4 * 30)
    assert len(seen.below("forecaster.agent")) == 2

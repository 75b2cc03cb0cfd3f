"""Anthropic's own client by itself: since version 2 it makes the spans."""

import pytest

from tests.contract.recording import CLIENTS
from tests.contract.seen import look, usage_of

pytestmark = pytest.mark.django_db(transaction=True)
SESSION = "s-anthropic-native"


def test_its_own_spans_are_understood(run, api, alpha, bob_client):
    run("anthropic_native", further=CLIENTS["anthropic"][2])

    seen = look(api, alpha, SESSION)
    (plain,), (streamed,) = seen.below("plain"), seen.below("streamed")
    (asked,), (failed,) = seen.below("tools"), seen.below("failing")
    for call in (plain, streamed, asked):
        assert (call["kind"], call["provider"]) == ("llm", "anthropic")
        assert (call["model"], call["cost_source"]) == ("claude-sonnet-4-5", "computed")
        assert usage_of(call)[:4] == (30, 7, 8, 2)
    assert (plain["finish_reason"], asked["finish_reason"]) == ("end_turn", "tool_use")
    assert streamed["ttft_ms"] >= 25
    assert (failed["status"], failed["error_type"]) == ("error", "rate_limit_error")
    assert seen.session["tokens_in"] == 3 * 30
    page = bob_client.get(f"/p/alpha/sessions/{SESSION}/").content.decode()
    shown = ("How is the weather in Paris?", "Sunny, 21 degrees.", "get_weather")
    assert [text for text in shown if text not in page] == []

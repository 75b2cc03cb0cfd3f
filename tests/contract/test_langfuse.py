"""The Langfuse SDK with only its base address and secret changed."""

import pytest

from tests.contract.seen import look, usage_of

pytestmark = pytest.mark.django_db(transaction=True)
SESSION = "s-langfuse"


def test_observations_are_understood(run, api, alpha, bob_client):
    run("langfuse_sdk")

    seen = look(api, alpha, SESSION)
    first, streamed, by_hand = (seen.named(name) for name in ("first", "streamed", "by hand"))
    assert seen.session["user_id"] == "ada"
    assert seen.session["tags"] == ["beta", "paris"]
    assert {span["metadata"].get("tier") for span in seen.spans} == {"pro"}
    assert {span["environment"] for span in seen.spans} == {"staging"}
    assert {span["release"] for span in seen.spans} == {"2.1.0"}
    assert (seen.named("get_weather")["kind"], seen.named("check")["kind"]) == ("tool", "guardrail")
    for call in (first, streamed):
        assert call["kind"] == "llm"
        assert call["model"] == "gpt-5-mini-2025-08-07"
        assert usage_of(call)[:3] == (30, 7, 8)
        assert call["prompt"] == {"key": "weather", "version": "4", "inherited": False}
    assert usage_of(by_hand)[:4] == (30, 7, 8, 2)
    assert (by_hand["model"], by_hand["cost_source"]) == ("claude-sonnet-4-5", "caller")
    assert by_hand["cost_usd"] == pytest.approx(0.003)
    assert streamed["ttft_ms"] >= 25
    failing = seen.named("failing")
    assert failing["status"] == "error"
    assert failing["error"]
    page = bob_client.get(f"/p/alpha/sessions/{SESSION}/").content.decode()
    assert "How is the weather in Paris?" in page
    assert "Sunny, 21 degrees." in page

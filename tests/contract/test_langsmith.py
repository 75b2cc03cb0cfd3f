"""LangSmith's client, which sends by OpenTelemetry to whoever is set up."""

import pytest

from tests.contract.seen import look, usage_of

pytestmark = pytest.mark.django_db(transaction=True)
SESSION = "s-langsmith"


def test_runs_are_understood(run, api, alpha, bob_client):
    run("langsmith_otel")

    seen = look(api, alpha, SESSION)
    calls = seen.of_kind("llm")
    assert (seen.session["user_id"], seen.session["tags"]) == ("ada", ["beta", "paris"])
    assert (seen.named("answer")["kind"], seen.named("search")["kind"]) == ("chain", "retriever")
    assert seen.named("get_weather")["kind"] == "tool"
    assert {span["metadata"].get("tier") for span in seen.spans} == {"pro"}
    answered = [call for call in calls if call["model"] == "gpt-5-mini-2025-08-07"]
    assert (len(calls), len(answered)) == (4, 3)  # the last one failed
    for call in answered:
        assert (call["provider"], call["model_requested"]) == ("openai", "gpt-5-mini")
        assert usage_of(call) == (30, 7, 8, None, 2)
    assert (seen.session["tokens_in"], seen.session["tokens_out"]) == (3 * 30, 3 * 7)
    assert seen.session["last_output"] == "Sunny, 21 degrees."
    page = bob_client.get(f"/p/alpha/sessions/{SESSION}/").content.decode()
    said = ("How is the weather in Paris?", "Sunny, 21 degrees.", "get_weather")
    assert [text for text in said if text not in page] == []

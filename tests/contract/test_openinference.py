"""OpenInference's instrumentations: openai, anthropic, LangChain."""

import pytest

from tests.contract.recording import NOT_NATIVE
from tests.contract.seen import content_of, look, usage_of

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION, ANSWER = "How is the weather in Paris?", "Sunny, 21 degrees."


def assert_page_shows(client, session, *texts):
    page = client.get(f"/p/alpha/sessions/{session}/").content.decode()
    assert [text for text in texts if text not in page] == []


def test_openai_calls_are_understood(run, api, alpha, bob_client):
    run("openinference_openai")

    seen = look(api, alpha, "s-oi-openai")
    calls = seen.of_kind("llm")
    assert (seen.session["user_id"], seen.session["tags"]) == ("ada", ["beta", "paris"])
    assert (seen.session["tokens_in"], seen.session["tokens_out"]) == (7 * 30 + 5, 7 * 7)
    assert len(calls) == 8
    for call in calls[:-1]:
        assert (call["provider"], call["model"]) == ("openai", "gpt-5-mini-2025-08-07")
        assert usage_of(call)[:3] == (30, 7, 8)
        assert usage_of(call)[4] == 2
        assert call["cost_source"] == "computed"
        assert call["metadata"] == {"tier": "pro"}
    attributes = content_of(api, calls[0])["attributes"]
    assert attributes["llm.prompt_template.template"] == "How is the weather in {city}?"
    assert attributes["llm.prompt_template.version"] == "v3"
    assert calls[-1]["status"] == "error"
    assert "RateLimitError" in calls[-1]["error_type"]
    (embedding,) = seen.of_kind("embedding")
    assert (embedding["model"], embedding["tokens"]["input"]) == ("text-embedding-3-small", 5)
    assert seen.session["first_input"] == QUESTION
    assert seen.session["last_output"] == ANSWER
    assert_page_shows(bob_client, "s-oi-openai", QUESTION, ANSWER, "get_weather")


def test_anthropic_calls_are_understood(run, api, alpha, bob_client):
    run("openinference_anthropic", further=NOT_NATIVE)

    seen = look(api, alpha, "s-oi-anthropic")
    calls = seen.of_kind("llm")
    assert seen.session["user_id"] == "ada"
    assert len(calls) == 5
    for call in calls[:-1]:
        assert (call["provider"], call["model"]) == ("anthropic", "claude-sonnet-4-5")
        assert usage_of(call)[:4] == (30, 7, 8, 2)
        assert call["cost_source"] == "computed"
    assert calls[-1]["status"] == "error"
    assert seen.session["first_input"] == QUESTION
    assert_page_shows(bob_client, "s-oi-anthropic", QUESTION, ANSWER, "get_weather")


def test_langchain_runs_are_understood(run, api, alpha, bob_client):
    run("openinference_langchain")

    seen = look(api, alpha, "s-oi-langchain")
    calls, (tool,) = seen.of_kind("llm"), seen.of_kind("tool")
    assert seen.session["user_id"] == "ada"
    assert [call["status"] for call in calls] == ["ok", "ok", "ok", "error"]
    for call in calls[:-1]:
        assert usage_of(call)[:3] == (30, 7, 8)
    # A stream of LangChain's does not say which model answered.
    answered = "gpt-5-mini-2025-08-07"
    assert [call["model"] for call in calls[:-1]] == [answered, "gpt-5-mini", answered]
    assert (seen.session["tokens_in"], seen.session["tokens_out"]) == (90, 21)
    assert tool["name"] == "get_weather"
    assert seen.named("answer")["kind"] == "chain"
    assert seen.session["last_output"] == ANSWER
    assert_page_shows(bob_client, "s-oi-langchain", QUESTION, ANSWER, "get_weather")

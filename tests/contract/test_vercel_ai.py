"""The Vercel AI SDK in Node, in each major version whose telemetry differs."""

import pytest

from tests.contract.running_node import run_node
from tests.contract.seen import look, usage_of
from tests.flows import forget_process_caches

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION, ANSWER = "How is the weather in Paris?", "Sunny, 21 degrees."


@pytest.mark.parametrize("major", [5, 6, 7])
def test_calls_are_understood(web_server, alpha_key, api, alpha, bob_client, major):
    forget_process_caches()
    run_node("vercel_ai", url=web_server, key=alpha_key, further={"AI_PACKAGE": f"ai{major}"})

    session = f"s-vercel-{major}"
    seen = look(api, alpha, session)
    calls, (tool,) = seen.of_kind("llm"), seen.of_kind("tool")
    assert (seen.session["user_id"], seen.session["tags"]) == ("ada", ["beta", "paris"])
    assert [call["status"] == "error" for call in calls] == [False, False, False, True]
    for call in calls[:-1]:
        assert (call["provider"], call["model_requested"]) == ("openai", "gpt-5-mini")
        assert call["model"] == "gpt-5-mini-2025-08-07"
        assert usage_of(call)[:2] == (30, 7)
    # Version 5 tells of cached and reasoning tokens only when it streams, and never of writes.
    expected = (8, None, 2) if major == 5 else (8, 2, 2)
    assert usage_of(calls[2])[2:] == expected
    # Of the outer span and its inner ones only the inner count.
    assert (seen.session["tokens_in"], seen.session["tokens_out"]) == (3 * 30 + 5, 3 * 7)
    assert calls[2]["ttft_ms"] >= 25
    assert tool["operation"] == "execute_tool"
    assert seen.session["first_input"] == QUESTION
    assert seen.session["last_output"] == ANSWER
    page = bob_client.get(f"/p/alpha/sessions/{session}/").content.decode()
    assert [text for text in (QUESTION, ANSWER, "getWeather") if text not in page] == []

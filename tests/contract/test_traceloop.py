"""traceloop-sdk: its decorators, association properties and prompt tags."""

import pytest

from tests.contract.recording import NOT_NATIVE
from tests.contract.seen import look, usage_of

pytestmark = pytest.mark.django_db(transaction=True)
SESSION = "s-traceloop"


def test_a_workflow_is_understood(run, api, alpha, bob_client):
    run("traceloop_sdk", further=NOT_NATIVE)

    seen = look(api, alpha, SESSION)
    kinds = {span["name"]: span["kind"] for span in seen.spans}
    calls = seen.of_kind("llm")
    assert seen.session["user_id"] == "ada"
    assert kinds["weather_report.workflow"] == "chain"
    assert kinds["look_up.task"] == "chain"
    assert kinds["forecaster.agent"] == "agent"
    assert kinds["get_weather.tool"] == "tool"
    assert len(calls) == 5
    assert [call["status"] for call in calls].count("error") == 1
    assert {call["provider"] for call in calls} == {"openai", "anthropic"}
    assert seen.session["tokens_in"] == 4 * 30
    assert seen.session["tokens_out"] == 4 * 7
    (claude,) = seen.below("forecaster.agent")
    assert usage_of(claude)[:4] == (30, 7, 8, 2)
    (asked, _) = seen.below("look_up.task")
    assert asked["prompt"] == {"key": "weather", "version": "4", "inherited": False}
    page = bob_client.get(f"/p/alpha/sessions/{SESSION}/").content.decode()
    assert "How is the weather in Paris?" in page

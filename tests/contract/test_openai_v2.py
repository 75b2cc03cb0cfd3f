"""openai, instrumented by OpenTelemetry's own opentelemetry-instrumentation-openai-v2."""

import pytest

from tests.contract.recording import CLIENTS
from tests.contract.seen import look, usage_of

pytestmark = pytest.mark.django_db(transaction=True)
SESSION = "s-openai-v2"


# How content is told: not at all, as log records a message, on the span, as one log record.
MODES = ["openai-v2", "openai-v2-messages", "openai-v2-content", "openai-v2-events"]
SAID = ("Answer in one sentence.", "How is the weather in Paris?", "celsius", "Sunny, 21 degrees.")


@pytest.mark.parametrize("mode", MODES)
def test_calls_and_what_they_said_are_understood(run, api, alpha, bob_client, mode):
    run("openai_v2", further=CLIENTS[mode][2])

    seen = look(api, alpha, SESSION)
    assert_calls(seen)
    page = bob_client.get(f"/p/alpha/sessions/{SESSION}/").content.decode()
    assert [text for text in SAID if text in page] == ([] if mode == MODES[0] else list(SAID))


def assert_calls(seen):
    (plain,), (streamed,) = seen.below("plain"), seen.below("streamed")
    (embedding,), (failed,) = seen.below("embedding"), seen.below("failing")
    assert (seen.session["user_id"], seen.session["arms"]) == ("ada", {"tone": "warm"})
    assert (seen.session["tokens_in"], seen.session["tokens_out"]) == (4 * 30 + 5, 4 * 7)
    for call in (plain, streamed, *seen.below("tools")):
        assert (call["kind"], call["provider"], call["operation"]) == ("llm", "openai", "chat")
        assert (call["model_requested"], call["model"]) == ("gpt-5-mini", "gpt-5-mini-2025-08-07")
        assert usage_of(call)[:2] == (30, 7)
        assert call["cost_source"] == "computed"
        assert (call["environment"], call["release"]) == ("staging", "2.1.0")
    assert [call["finish_reason"] for call in seen.below("tools")] == ["tool_calls", "stop"]
    assert (embedding["kind"], embedding["tokens"]["input"]) == ("embedding", 5)
    assert (failed["status"], failed["error_type"]) == ("error", "RateLimitError")

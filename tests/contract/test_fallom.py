"""The unmodified Python client of Fallom, 0.2.7, with Assay as its server."""

import pytest

from tests.contract.seen import content_of, look, usage_of
from tracking.models import Session

pytestmark = pytest.mark.django_db(transaction=True)
QUESTION, ANSWER, SYSTEM = (
    "How is the weather in Paris?",
    "Sunny, 21 degrees.",
    "Answer in one sentence.",
)
FAULT = "'Stream' object has no attribute"


def test_openai_calls_are_understood(run, api, alpha, bob_client):
    run("fallom_openai")

    seen = look(api, alpha, "s-fallom-openai")
    assert {span["kind"] for span in seen.spans} == {"llm"}
    assert (seen.session["user_id"], seen.session["tags"]) == ("ada", ["beta"])
    good = [span for span in seen.spans if span["status"] == "ok"]
    assert len(good) == 5
    for span in good:
        assert (span["provider"], span["model_requested"], span["model"]) == (
            *("openai", "gpt-5-mini", "gpt-5-mini-2025-08-07"),
        )
        assert usage_of(span)[:2] == (30, 7)
        assert (span["cost_source"], span["metadata"]) == ("computed", {"tier": "pro"})
    assert [span["finish_reason"] for span in good] == [
        *("stop", "tool_calls", "stop", "completed", "stop"),
    ]
    assert (seen.session["first_input"], seen.session["last_output"]) == (QUESTION, ANSWER)
    page = bob_client.get("/p/alpha/sessions/s-fallom-openai/").content.decode()
    for text in (QUESTION, ANSWER, SYSTEM, "get_weather", "celsius"):
        assert text in page
    # A call that failed is told from a fault of the client's own.
    streamed, failed = [span for span in seen.spans if span["status"] == "error"]
    assert streamed["error"].startswith(FAULT)
    assert (streamed["error_type"], streamed["warnings"]) == ("fallom_client", ["fallom_client"])
    assert (failed["error_type"], failed["model"]) == ("429", "error-429")
    assert seen.session["errors"] == 2


def test_anthropic_calls_are_understood(run, api, alpha):
    run("fallom_anthropic")

    seen = look(api, alpha, "s-fallom-anthropic")
    plain, tool, streamed, failed = seen.spans
    assert (plain["provider"], plain["model"], plain["finish_reason"]) == (
        *("anthropic", "claude-sonnet-4-5", "end_turn"),
    )
    assert tool["finish_reason"] == "tool_use"
    # The client sends no cached tokens: what it counts is what Anthropic counts without them.
    assert plain["tokens"]["input"] > 0
    assert content_of(api, plain)["input"].startswith('{"messages"')
    assert streamed["error"].startswith(FAULT)
    assert (streamed["error_type"], failed["error_type"]) == ("fallom_client", "429")
    assert seen.session["first_input"] == QUESTION


def test_langchains_callback_is_understood(run, api, alpha, bob_client):
    run("fallom_langchain")

    seen = look(api, alpha, "s-fallom-langchain")
    calls, (tool,) = seen.of_kind("llm"), seen.of_kind("tool")
    assert len({span["trace_id"] for span in seen.spans}) == 1
    assert [call["status"] for call in calls] == ["ok", "ok", "error"]
    for call in calls[:2]:
        assert (call["provider"], usage_of(call)[:2]) == ("openai", (30, 7))
    assert (tool["name"], tool["status"]) == ("tool.get_weather", "ok")
    assert calls[2]["error_type"] == "429"
    page = bob_client.get("/p/alpha/sessions/s-fallom-langchain/").content.decode()
    for text in (QUESTION, ANSWER, "get_weather", "Paris", "celsius"):
        assert text in page


def test_privacy_mode_leaves_numbers_and_no_content(run, api, alpha):
    run("fallom_private")

    seen = look(api, alpha, "s-fallom-private")
    assert [usage_of(span)[:2] for span in seen.spans] == [(30, 7), (30, 7)]
    assert [span["model"] for span in seen.spans] == ["gpt-5-mini-2025-08-07"] * 2
    contents = [content_of(api, span) for span in seen.spans]
    assert [(each["input"], each["output"]) for each in contents] == [(None, None)] * 2
    assert "Paris" not in str(contents)


def test_a_sessions_own_numbers_are_its_metrics(run, api, alpha):
    run("fallom_metrics")

    seen = look(api, alpha, "s-fallom-metrics")
    assert seen.session["metrics"] == {"outlier_score": 0.8, "clicks": 3.0, "converted": 1.0}
    assert (seen.session["points"], seen.session["spans"]) == (1, 0)
    assert seen.spans[0]["metadata"] == {"plan": "pro"}
    other = look(api, alpha, "s-fallom-other")
    assert other.session["metrics"] == {"clicks": 9.0}
    assert Session.objects.filter(project_id=alpha.pk).count() == 2


def test_loops_of_tools_read_as_one_conversation(run, api, alpha, bob_client):
    """Each call has a trace of its own: the result comes with the next one."""
    run("fallom_loops")

    for session_id in ("s-loop-openai", "s-loop-anthropic"):
        seen = look(api, alpha, session_id)
        (failed,) = [span for span in seen.spans if span["status"] == "error"]
        assert failed["error"].endswith("is not JSON serializable")
        assert (failed["error_type"], failed["warnings"]) == ("fallom_client", ["fallom_client"])
        page = bob_client.get(f"/p/alpha/sessions/{session_id}/").content.decode()
        assert page.count("toolcall__head") == 1
        assert "no result seen" not in page
        assert "celsius" in page
    streamed = look(api, alpha, "s-loop-openai").named("responses.create")
    assert (streamed["status"], streamed["tokens"]["output"]) == ("ok", None)
    page = bob_client.get("/p/alpha/sessions/s-loop-openai/").content.decode()
    assert "no content" in page
    assert "responseId" not in page


def test_sessions_may_be_numbered_and_thoughts_count(run, api, alpha):
    run("fallom_loops")

    seen = look(api, alpha, "4711")
    (call,) = seen.of_kind("llm")
    assert (call["provider"], call["model"]) == ("google", "gemini-2.5-flash")
    assert usage_of(call) == (11, 25, None, None, 20)
    assert (seen.session["user_id"], seen.session["metrics"]) == ("7", {"clicks": 3.0})

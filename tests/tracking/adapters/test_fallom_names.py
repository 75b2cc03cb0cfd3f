"""What Fallom's clients call errors and models, in Assay's words."""

import msgspec
import pytest

from tests.tracking.adapters.fallom_samples import map_sample
from tracking.adapters.fallom_remap import remap_flat_span
from tracking.events import Status


def test_an_error_says_what_failed():
    event = map_sample("trace-error")

    assert (event.status, event.error, event.error_type) == (
        *(Status.ERROR, "Request timed out.", "timeout"),
    )


@pytest.mark.parametrize(
    ("message", "error_type"),
    [
        ("Error code: 429 - {'error': {'message': 'Slow down.'}}", "429"),
        ("429 You exceeded your current quota.", "429"),
        ('529 {"type":"error","error":{"type":"overloaded_error"}}', "529"),
        (
            "[GoogleGenerativeAI Error]: Error fetching from https://x: [503 Overloaded] Try later",
            "503",
        ),
        ("404", ""),
        ("200 things went wrong", ""),
        ("Connection error.", "connection"),
        ("'Stream' object has no attribute 'choices'", "fallom_client"),
        ("'coroutine' object has no attribute 'content'", "fallom_client"),
        ("'LegacyAPIResponse' object has no attribute 'choices'", "fallom_client"),
        ("Object of type ChatCompletionMessage is not JSON serializable", "fallom_client"),
        ("Object of type ToolUseBlock is not JSON serializable", "fallom_client"),
        ("Object of type ResponseFunctionToolCall is not JSON serializable", "fallom_client"),
        ("Object of type NotGiven is not JSON serializable", "fallom_client"),
        ("Object of type datetime is not JSON serializable", ""),  # the application's own
        ("Could not convert `part.function_call` to text.", "fallom_client"),
        ("Invalid operation: The `response.text` quick accessor requires …", "fallom_client"),
        ("toolUseBlocks is not defined", "fallom_client"),
        ("functionCalls is not defined", "fallom_client"),
        (
            "'ChatCompletionMessageCustomToolCall' object has no attribute 'function'",
            "fallom_client",
        ),
        ("'NoneType' object has no attribute 'content'", ""),  # a chain's own
        ("x is not defined", ""),
        ("something else", ""),
    ],
)
def test_errors_are_grouped_and_the_clients_own_are_told(message, error_type):
    event = map_sample("trace-error", error_message=message)

    assert (event.status, event.error_type) == (Status.ERROR, error_type)
    assert ("fallom_client" in event.warnings) is (error_type == "fallom_client")


def test_faults_of_the_client_that_were_not_known_are_told_by_a_remap():
    event = map_sample("trace-error", error_message="Object of type Omit is not JSON serializable")
    unknown = msgspec.structs.replace(event, error_type="", warnings=())

    again = remap_flat_span(unknown, unknown.payload)

    assert again is not None
    assert (again.error_type, again.warnings) == ("fallom_client", ("fallom_client",))


def test_a_long_error_is_kept_whole():
    event = map_sample("trace-error", error_message="x" * 600)

    assert event.error == "x" * 500
    assert (event.payload.attributes or {})["fallom.span.error_message"] == "x" * 600


@pytest.mark.parametrize(
    ("sent", "model"),
    [
        ("models/gemini-1.5-flash", "gemini-1.5-flash"),
        ("unknown", ""),
        ("[object Object]", ""),
    ],
)
def test_models_are_named_as_prices_name_them(sent, model):
    event = map_sample("trace-google", model=sent)

    assert (event.model, event.model_requested) == (model, model)
    assert (event.payload.attributes or {})["fallom.span.model"] == sent


@pytest.mark.parametrize(
    ("sent", "model"),
    [
        *[(name, "") for name in ("ChatOllama", "AzureChatOpenAI", "FakeListChatModel", "OpenAI")],
        *[(name, name) for name in ("gpt-5-mini", "ChatGPT-4o", "Qwen3", "llama3.2")],
    ],
)
def test_a_class_of_langchain_is_no_model(sent, model):
    event = map_sample("trace-langchain-llm", model=sent)

    assert event.model == model
    kept = (event.payload.attributes or {}).get("fallom.span.model")
    assert kept == (None if model else sent)

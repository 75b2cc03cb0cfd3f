"""Usage objects as SDKs write them, and the inclusive counts they mean."""

import json

import pytest

from tests.tracking.adapters.fallom_samples import said_out, with_raw
from tracking.adapters.fallom_usage import read_usage

# (usage, provider metadata, provider) → (in, out, cache read, cache write, reasoning)
CASES = {
    "openai": (
        {
            "prompt_tokens": 100,
            "completion_tokens": 50,
            "total_tokens": 150,
            "prompt_tokens_details": {"cached_tokens": 64},
            "completion_tokens_details": {"reasoning_tokens": 20},
        },
        *({}, "openai"),
        (100, 50, 64, None, 20),
    ),
    "openai-responses": (
        {
            "input_tokens": 100,
            "output_tokens": 50,
            "total_tokens": 150,
            "input_tokens_details": {"cached_tokens": 64},
            "output_tokens_details": {"reasoning_tokens": 20},
        },
        *({}, "openai"),
        (100, 50, 64, None, 20),
    ),
    "anthropic-leaves-cached-tokens-out": (
        {
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_read_input_tokens": 80,
            "cache_creation_input_tokens": 20,
        },
        *({}, "anthropic"),
        (110, 5, 80, 20, None),
    ),
    "gemini-leaves-thoughts-out": (
        {
            "promptTokenCount": 30,
            "candidatesTokenCount": 10,
            "thoughtsTokenCount": 25,
            "cachedContentTokenCount": 12,
            "totalTokenCount": 65,
        },
        *({}, "google"),
        (30, 35, 12, None, 25),
    ),
    "gemini-with-tool-prompts": (
        {"promptTokenCount": 30, "toolUsePromptTokenCount": 7, "candidatesTokenCount": 10},
        *({}, "google"),
        (37, 10, None, None, None),
    ),
    "python-google": (
        {"prompt_token_count": 3, "candidates_token_count": 2, "total_token_count": 5},
        *({}, "google"),
        (3, 2, None, None, None),
    ),
    "python-google-does-not-say-thoughts": (
        {"prompt_token_count": 30, "candidates_token_count": 10, "total_token_count": 65},
        *({}, "google"),
        (30, 35, None, None, 25),
    ),
    "gemini-thought-and-said-nothing": (
        {"promptTokenCount": 30, "thoughtsTokenCount": 25, "totalTokenCount": 55},
        *({}, "google"),
        (30, 25, None, None, 25),
    ),
    "a-total-below-its-parts": (
        {"prompt_token_count": 30, "candidates_token_count": 10, "total_token_count": 4},
        *({}, "google"),
        (30, 10, None, None, None),
    ),
    "ai-sdk-4": (
        {"promptTokens": 52, "completionTokens": 14, "totalTokens": 66},
        *({"openai": {"cachedPromptTokens": 16, "reasoningTokens": 4}}, "openai"),
        (52, 14, 16, None, 4),
    ),
    "ai-sdk-4-anthropic": (
        {"promptTokens": 10, "completionTokens": 5, "totalTokens": 15},
        {"anthropic": {"cacheReadInputTokens": 6, "cacheCreationInputTokens": 3}},
        "anthropic",
        (19, 5, 6, 3, None),
    ),
    "ai-sdk-5": (
        {
            "inputTokens": 52,
            "outputTokens": 14,
            "totalTokens": 66,
            "reasoningTokens": 4,
            "cachedInputTokens": 16,
        },
        *({}, "openai"),
        (52, 14, 16, None, 4),
    ),
    "ai-sdk-5-google": (
        {"inputTokens": 30, "outputTokens": 10, "reasoningTokens": 25, "totalTokens": 65},
        *({}, "google"),
        (30, 35, None, None, 25),
    ),
    "ai-sdk-6-counts-all-in": (
        {
            "inputTokens": 110,
            "inputTokenDetails": {"cacheReadTokens": 80, "cacheWriteTokens": 20},
            "outputTokens": 9,
            "outputTokenDetails": {"reasoningTokens": 4},
        },
        *({}, "anthropic"),
        (110, 9, 80, 20, 4),
    ),
    "ai-sdk-6-model": (
        {
            "inputTokens": {"total": 110, "noCache": 10, "cacheRead": 80, "cacheWrite": 20},
            "outputTokens": {"total": 9, "text": 5, "reasoning": 4},
        },
        *({}, "anthropic"),
        (110, 9, 80, 20, 4),
    ),
    "more-cached-than-there-are": (
        {"prompt_tokens": 10, "completion_tokens": 1, "cache_read_input_tokens": 90},
        *({}, ""),
        (100, 1, 90, None, None),
    ),
    "zeros-count-nothing": (
        {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
        *({}, "anthropic"),
        (None, None, None, None, None),
    ),
    "nonsense": (
        {"prompt_tokens": "12", "completion_tokens": -1, "prompt_tokens_details": [1]},
        *({"anthropic": "x"}, ""),
        (None, None, None, None, None),
    ),
}
COLUMNS = ("in", "out", "cache_read", "cache_write", "reasoning")


@pytest.mark.parametrize("name", CASES)
def test_counts_are_inclusive_whoever_counted(name):
    usage, metadata, provider, wanted = CASES[name]

    found = read_usage(usage, metadata, provider=provider)

    assert tuple(found.get(f"tokens_{column}") for column in COLUMNS) == wanted


@pytest.mark.parametrize(
    ("usage", "metadata", "cost"),
    [
        ({"prompt_tokens": 1, "cost": 0.0014}, {}, 0.0014),
        ({}, {"openrouter": {"usage": {"cost": 0.5}}}, 0.5),
        ({}, {"gateway": {"cost": "0.0045"}}, 0.0045),
        ({"cost": "free"}, {}, None),
        ({"cost": -1}, {}, None),
    ],
)
def test_a_cost_that_is_told_is_taken(usage, metadata, cost):
    assert read_usage(usage, metadata, provider="").get("cost_reported") == cost


def test_a_span_has_the_counts_of_its_usage_and_metadata():
    event = with_raw(
        "trace-vercel-stream-text",
        usage={"promptTokens": 10, "completionTokens": 5},
        providerMetadata={"anthropic": {"cacheReadInputTokens": 6}},
    )

    assert (event.tokens_in, event.tokens_out, event.tokens_cache_read) == (16, 5, 6)


STEPS = [
    {"stepIndex": 0, "usage": {"inputTokens": 20, "outputTokens": 8, "totalTokens": 28}},
    {"stepIndex": 1, "usage": {"inputTokens": 40, "outputTokens": 6, "totalTokens": 46}},
]


@pytest.mark.parametrize(
    ("usage", "steps", "counts"),
    [
        (STEPS[-1]["usage"], STEPS, (60, 14)),
        ({"inputTokens": 60, "outputTokens": 14}, STEPS, (60, 14)),
        (STEPS[-1]["usage"], STEPS[1:], (40, 6)),
        (STEPS[-1]["usage"], [{}, STEPS[1]], (40, 6)),
        ({"inputTokens": 50, "outputTokens": 1}, "none", (50, 1)),
    ],
    ids=["the-last-of-several", "the-sum", "one", "unknown", "nonsense"],
)
def test_all_steps_of_a_call_count(usage, steps, counts):
    timings = {"requestStart": 0, "responseEnd": 9, "steps": steps}

    event = with_raw("trace-vercel-generate-text", usage=usage, timings=timings)

    assert (event.tokens_in, event.tokens_out) == counts


def test_counts_within_counts_are_added_step_by_step():
    usage = {"inputTokens": {"total": 10, "cacheRead": 4}, "outputTokens": {"total": 2}}
    timings = {"steps": [{"usage": usage}, {"usage": usage}]}

    event = with_raw("trace-vercel-stream-text", usage=usage, timings=timings)

    assert (event.tokens_in, event.tokens_out, event.tokens_cache_read) == (20, 4, 8)


def test_an_agents_result_that_says_steps_alone_is_understood():
    """As AI SDK 5 writes the result of an agent: text, usage and finish reason are computed."""
    called = {"type": "tool-call", "toolCallId": "c", "toolName": "find", "input": {"q": 1}}
    found = {"type": "tool-result", "toolCallId": "c", "toolName": "find", "output": "x"}
    answer = {"modelId": "gpt-5-mini-2025-08-07", "messages": []}
    result = {
        "steps": [
            {**STEPS[0], "content": [called, found], "finishReason": "tool-calls"},
            {
                **STEPS[1],
                "content": [{"type": "text", "text": "Done."}],
                "finishReason": "stop",
                "response": answer,
            },
        ]
    }

    for said in (result, json.dumps(result)):
        event = with_raw("trace-mastra-agent", response=said)
        assert (event.tokens_in, event.tokens_out) == (60, 14)
        assert (event.model, event.finish_reason) == ("gpt-5-mini-2025-08-07", "stop")
        assert said_out(event) == [
            ("assistant", 'find({"q":1})#c'),
            ("tool", "find gave x#c"),
            ("assistant", "Done."),
        ]

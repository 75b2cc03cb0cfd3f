"""Exchanges of ai.matey: attempts at one request, and what each of them says as a span."""

import itertools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tracking.chats import (
    RECEIPT,
    RECEIVED_US,
    answer_of,
    derive,
    lines,
    metadata,
    parts_of,
    payload,
    request,
    response,
    spans,
    start,
)
from tracking.adapters import DERIVERS, matey
from tracking.events import BadBodyError, Kind, Status


def test_an_exchange_is_a_call_with_all_that_is_known_of_it():
    (span,) = spans(payload("exchange-envelope-proposed.json"))

    assert (span.kind, span.status, span.operation) == (Kind.LLM, Status.OK, "chat")
    assert (span.trace_id, span.span_id, span.parent_span_id) == ("req_7Qk2", "attempt-1", "")
    assert (span.session_own, span.user_own) == ("session-123", "u-9")
    assert (span.occurred_us, span.duration_us) == (1_772_615_700_000_000, 1_320_000)
    assert (span.provider, span.model_requested) == ("anthropic", "gpt-4o")
    assert (span.model, span.name) == ("claude-3-5-sonnet", "chat claude-3-5-sonnet")
    assert (span.tokens_in, span.tokens_out, span.cost_reported) == (812, 6, 0.002526)
    assert span.finish_reason == "stop"
    assert len(span.warnings) == 10
    assert all(code.startswith("ir:") for code in span.warnings)


def test_what_no_column_holds_is_kept_by_name():
    attributes = spans(payload("exchange-envelope-proposed.json"))[0].payload.attributes

    assert attributes["matey.parameters"]["temperature"] == 1.5
    assert attributes["matey.provenance"] == {
        "frontend": "openai",
        "backend": "anthropic",
        "middleware": ["logging", "caching"],
        "router": "main-router",
    }
    assert attributes["matey.warnings"][0]["transformedValue"] == 0.75
    assert attributes["matey.tools"][0]["name"] == "get_weather"
    assert attributes["matey.tool_choice"] == {"name": "get_weather"}


def test_embedded_data_is_replaced_by_its_size():
    asked = json.loads(spans(payload("chat-request.json"))[0].payload.input)

    sources = [block.get("source") for block in asked[1]["content"]]
    assert sources[1] == {"type": "url", "url": "https://example.com/p.jpg"}
    assert sources[2] == {"type": "base64", "mediaType": "image/png", "bytes": 8}


def test_a_response_alone_and_in_an_envelope_is_one_attempt():
    together = spans(payload("chat-response.json"), payload("exchange-envelope-proposed.json"))

    assert len(together) == 1
    assert together[0].duration_us == 1_320_000
    assert together[0].payload.attributes["matey.raw"] == {"id": "msg_01AbC", "type": "message"}


def test_a_request_and_its_response_meet():
    (waiting,) = spans(payload("chat-request.json"))
    (span,) = spans(payload("chat-request.json"), payload("chat-response.json"))

    assert waiting.warnings == ("end_missing", "response_missing")
    assert (waiting.id, waiting.occurred_us) == (span.id, span.occurred_us)
    assert answer_of(span) == "A lighthouse."
    assert span.model_requested == "gpt-4o"


def test_all_payloads_of_one_request_stay_visible():
    names = (
        "chat-request.json",
        "chat-request-tool-result.json",
        "chat-response.json",
        "chat-response-tool-use.json",
        "exchange-envelope-proposed.json",
        "stream.jsonl",
    )

    root, *attempts = spans(*map(payload, names))

    assert root.payload.attributes == {"matey.attempts": 3}
    assert {each.finish_reason for each in attempts} == {"stop", "tool_calls"}
    streamed = next(each for each in attempts if "matey.stream" in each.payload.attributes)
    assert "4C, rain" in streamed.payload.input


def failed(code, duration):
    return {"request": request(), "error": {"code": code, "message": "no"}, "durationMs": duration}


def test_retries_are_attempts_below_one_root():
    tries = [
        failed("RATE_LIMIT_EXCEEDED", 10),
        failed("RATE_LIMIT_EXCEEDED", 20),
        {"request": request(), "response": response(), "durationMs": 30},
    ]

    root, *attempts = spans(*tries)

    assert [each.status for each in attempts] == [Status.ERROR, Status.ERROR, Status.OK]
    assert {each.parent_span_id for each in attempts} == {root.span_id}
    assert (root.kind, root.status, root.duration_us) == (Kind.CHAIN, Status.OK, 30_000)
    assert root.tokens_in is None


def test_when_every_attempt_failed_the_request_did():
    root, *_ = spans(failed("A", 1), failed("B", 2))

    assert root.status == Status.ERROR


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ({"code": "NETWORK", "message": "reset"}, ("NETWORK", "reset")),
        ("just text", ("error", "just text")),
        ({"name": "AdapterError"}, ("AdapterError", "")),
        ([1], ("error", "[1]")),
    ],
)
def test_an_error_is_told_in_any_form(error, said):
    (span,) = spans({"request": request(), "error": error})

    assert (span.status, span.error_type, span.error) == (2, *said)


@pytest.mark.parametrize(
    ("finish", "status"),
    [("stop", 1), ("length", 1), ("content_filter", 1), ("cancelled", 1), ("error", 2)],
)
def test_finish_reasons_make_statuses(finish, status):
    (span,) = spans(response(finish=finish))

    assert (span.finish_reason, span.status) == (finish, status)


@pytest.mark.parametrize(
    ("usage", "columns"),
    [
        ({"promptTokens": 10, "completionTokens": 2}, (10, 2, None, None, None)),
        (
            {
                "promptTokens": 10,
                "completionTokens": 9,
                "details": {"cachedTokens": 4, "reasoningTokens": 7},
            },
            (10, 9, 4, None, 7),
        ),
        (
            {"promptTokens": 10, "completionTokens": 2, "details": {"cache_read_input_tokens": 90}},
            (100, 2, 90, None, None),
        ),
        (
            {"promptTokens": 10, "details": {"cache_creation_input_tokens": 5}},
            (15, None, None, 5, None),
        ),
        (
            {"promptTokens": -1, "completionTokens": "2", "details": []},
            (None, None, None, None, None),
        ),
    ],
)
def test_usage_counts_whole_inputs(usage, columns):
    (span,) = spans(response(usage=usage))

    found = (span.tokens_in, span.tokens_out, span.tokens_cache_read, span.tokens_cache_write)
    assert (*found, span.tokens_reasoning) == columns


@pytest.mark.parametrize(
    ("sent", "model"),
    [
        (response(raw={"model": "m-raw"}), "m-raw"),
        (
            response(
                metadata=metadata(
                    warnings=[{"category": "model-substituted", "transformedValue": "m-router"}],
                    custom={"cost": {"model": "m-cost"}},
                )
            ),
            "m-router",
        ),
        (response(metadata=metadata(custom={"cost": {"model": "m-cost"}})), "m-cost"),
        (response(), "asked"),
    ],
)
def test_the_model_that_answered_may_be_another_one(sent, model):
    (span,) = spans(request(parameters={"model": "asked"}), sent)

    assert (span.model_requested, span.model) == ("asked", model)


def test_who_asked_is_said_by_the_envelope_first():
    custom = metadata(custom={"sessionId": "of-ir", "userId": "of-ir"})
    asked = request(metadata=custom, parameters={"user": "of-parameters"})

    (plain,) = spans({"request": asked, "response": response()})
    (said,) = spans({"request": asked, "response": response(), "sessionId": "s", "userId": "u"})
    (queried,) = spans(asked, **{"x-session-id": "q"})

    assert (plain.session_own, plain.user_own) == ("of-ir", "of-ir")
    assert (said.session_own, said.user_own) == ("s", "u")
    assert queried.session_own == "q"


def test_custom_metadata_is_the_user_s_and_may_name_an_arm():
    custom = {
        "plan": "pro",
        "assay.experiment": "tone",
        "assay.variant": "warm",
        "assay.prompt": "p",
    }

    (span,) = spans(response(metadata=metadata(custom=custom)))

    assert span.arms == (("tone", "warm"),)
    assert span.prompt_key == "p"
    assert json.loads(span.metadata)["plan"] == "pro"


def test_a_warning_alone_joins_its_request():
    warning = {"requestId": "req-1", **json.loads(payload("warning-parameter-clamped.json"))}

    (alone,) = spans(warning)
    (joined,) = spans(warning, response())

    assert (alone.kind, alone.duration_us, alone.warnings) == (0, None, ("ir:parameter-clamped",))
    assert "ir:parameter-clamped" in joined.warnings
    assert joined.payload.attributes["matey.warnings"][0]["originalValue"] == 1.4


def test_the_summary_counts_warnings_by_format_and_backend():
    summary = derive(payload("exchange-envelope-proposed.json")).summary

    assert summary["pairs"] == [["openai", "anthropic", 1]]
    assert ["openai", "anthropic", "model-substituted", "warning", 1] in summary["warnings"]
    assert len(summary["warnings"]) == 10


def test_an_orphan_is_a_point_of_its_session():
    (point,) = spans({**json.loads(payload("warning-tool-unsupported.json")), "sessionId": "s"})

    assert (point.kind, point.duration_us) == (Kind.EVENT, None)
    assert (point.session_own, point.trace_id) == ("s", "session:s")
    assert point.warnings == ("ir:tool-unsupported",)


def test_the_latest_word_on_a_backend_counts():
    def told(streaming, at):
        said = {"streaming": streaming, "multiModal": True}
        return {"backend": "b", "capabilities": said, "timestamp": at}

    words = [told(True, "2026-03-01T00:00:00Z"), told(False, "2026-03-02T00:00:00Z")]

    for order in itertools.permutations(words):
        assert derive(*order).summary["capabilities"]["streaming"] is False


def test_without_a_time_it_happened_when_it_was_received():
    (span,) = spans(response(metadata={"requestId": "req-1"}))

    assert span.occurred_us == RECEIVED_US
    assert "clock_missing" in span.warnings


def test_later_versions_are_kept():
    blocks = [
        {"type": "audio", "source": {"type": "base64", "mediaType": "audio/wav", "data": "AAAA"}},
        {
            "type": "document",
            "source": {"type": "url", "url": "https://x/a.pdf"},
            "filename": "a.pdf",
        },
    ]
    asked = request(
        messages=[{"role": "user", "content": blocks}],
        responseFormat={"type": "json_schema", "schema": {"type": "object"}},
    )

    (span,) = spans(asked)

    assert '"bytes":3' in span.payload.input
    assert span.payload.attributes["matey.response_format"]["type"] == "json_schema"


PIECES = [
    payload("exchange-envelope-proposed.json"),
    payload("chat-request.json"),
    payload("chat-response-tool-use.json"),
    json.dumps(failed("A", 5)).replace("req-1", "req_7Qk2").encode(),
    lines(start("req_7Qk2", provenance={"backend": "b"})),
    json.dumps({"requestId": "req_7Qk2", "category": "tool-unsupported"}).encode(),
]


@pytest.mark.parametrize("order", [PIECES[::-1], PIECES[3:] + PIECES[:3], PIECES + PIECES])
def test_the_order_of_pieces_does_not_matter(order):
    assert spans(*order) == spans(*PIECES)


def test_a_flood_of_answers_repeats_no_long_question():
    answers = [response(metadata=metadata(providerResponseId=str(n))) for n in range(60)]

    root, *attempts = spans(lines(request("y" * 100_000), *answers))

    assert root.payload.attributes == {"matey.attempts": 60}
    assert root.warnings == ("attempts_cut",)
    assert len(attempts) == 50
    assert [each.span_id for each in attempts if each.payload.input] == ["attempt-1"]
    assert attempts[7].payload.attributes["matey.asked_in"] == "attempt-1"


def test_a_flood_of_failures_is_bounded():
    failures = [
        {"type": "error", "sequence": n, "error": {"code": str(n)}} for n in range(1, 5_000)
    ]

    found = spans(
        {
            "requestId": "r",
            "chunks": [
                start("r"),
                *failures,
                {**failures[0], "type": "done", "finishReason": "stop", "sequence": 9_999},
            ],
        }
    )

    assert len(found) == 51


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
    max_leaves=8,
)
KEYS = [
    *("requestId", "request", "response", "chunks", "chunk", "error", "durationMs", "messages"),
    *("message", "finishReason", "usage", "metadata", "provenance", "warnings", "custom", "cost"),
    *("type", "sequence", "delta", "accumulated", "id", "index", "inputDelta", "timestamp", "role"),
    *("content", "details", "parameters", "category", "severity", "attempt", "streaming", "raw"),
]
VALUES = st.sampled_from(["start", "content", "tool_use", "done", "error", "stop", 0, 1, 2, "r"])
HOSTILE = st.recursive(
    st.dictionaries(st.sampled_from(KEYS), JSON | VALUES, max_size=8),
    lambda inner: st.dictionaries(
        st.sampled_from(KEYS), inner | VALUES | st.lists(inner, max_size=3), max_size=8
    ),
    max_leaves=12,
)


@settings(max_examples=400, deadline=None)
@given(st.lists(HOSTILE, min_size=2, max_size=4))
def test_whatever_is_accepted_is_understood(items):
    body = json.dumps(items).encode()
    try:
        n_items, refused = matey.check(body, receipt=RECEIPT)
    except BadBodyError:
        return
    batch = matey.read(body, receipt=RECEIPT)

    assert len(batch.parts) + len(refused) == n_items
    for document in {(part.system, part.key) for part in batch.parts}:
        parts = [part for part in batch.parts if (part.system, part.key) == document]
        derived = DERIVERS[document[0]](document[1], parts)
        assert derived.events or document[0] == matey.BACKENDS
        assert len({event.id for event in derived.events}) == len(derived.events)


def test_the_same_pieces_give_the_same_parts():
    assert parts_of(*PIECES) == parts_of(*PIECES)

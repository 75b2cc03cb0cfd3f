"""Streams of ai.matey: put together by sequence, checked, and said what is odd about them."""

import itertools
import json
import random

import pytest

from tests.tracking.chats import (
    STARTED_MS,
    answer_of,
    content,
    done,
    lines,
    payload,
    request,
    response,
    spans,
    start,
    stream,
)


def tool(sequence, delta, **more):
    return {"type": "tool_use", "sequence": sequence, "inputDelta": delta, **more}


def test_the_payload_is_its_text_and_its_tool():
    (span,) = spans(payload("stream.jsonl"))

    assert answer_of(span) == [
        {"type": "text", "text": "A lighthouse."},
        {"type": "tool_use", "id": "toolu_1", "name": "get_weather", "input": {"city": "Oslo"}},
    ]
    assert (span.tokens_in, span.tokens_out, span.finish_reason) == (60, 22, "tool_calls")
    assert (span.provider, span.session_own, span.status) == ("anthropic", "session-123", 1)
    assert span.warnings == ("end_missing",)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_of_arrival_does_not_matter(seed):
    chunks = stream()
    shuffled = random.Random(seed).sample(chunks, len(chunks))
    named = [{"requestId": "req_7Qk2", "chunk": chunk} for chunk in shuffled]

    assert spans(*named) == spans(payload("stream.jsonl"))


def test_every_set_of_chunks_means_something():
    chunks = [{"requestId": "req_7Qk2", **chunk} for chunk in stream()]
    for n in range(1, len(chunks) + 1):
        for chosen in itertools.combinations(chunks, n):
            (span,) = spans(*chosen)
            is_ended = any(chunk["type"] == "done" for chunk in chosen)
            assert ("stream_interrupted" in span.warnings) is not is_ended


def test_done_wins_over_a_metadata_chunk():
    usage = {"type": "metadata", "sequence": 1, "usage": {"promptTokens": 7, "completionTokens": 1}}

    (span,) = spans(lines(start(), usage, done(2, usage={"completionTokens": 5})))

    assert (span.tokens_in, span.tokens_out) == (7, 5)


@pytest.mark.parametrize(
    ("chunks", "warnings"),
    [
        ([start(), content(1, "a"), content(2, "b"), done(3)], set()),
        (
            [start(), content(1, "a", accumulated="a"), content(2, "b", accumulated="ab"), done(3)],
            set(),
        ),
        ([start(), content(1, "a", accumulated="x"), done(2)], {"stream_mismatch"}),
        ([start(), content(1, "a"), done(2, message={"content": "b"})], {"stream_mismatch"}),
        ([start(), content(2, "b"), done(3)], {"stream_gap"}),
        ([start(), content(2, "b"), content(1, "a"), done(3)], {"stream_out_of_order"}),
        ([start(), content(1, "a"), content(1, "b"), done(2)], {"stream_conflict"}),
        ([start(), content(1, "a")], {"stream_interrupted"}),
    ],
)
def test_what_is_odd_is_said(chunks, warnings):
    (span,) = spans(lines(*chunks))

    assert set(span.warnings) - {"end_missing"} == warnings
    envelope = {"requestId": "req-1", "chunks": chunks}
    assert set(spans(envelope)[0].warnings) - {"end_missing"} == warnings


@pytest.mark.parametrize(
    "chunks",
    [
        [start(), content(2, "b", accumulated="ab"), done(3)],
        [start(), content(2, "b"), done(3, message={"role": "assistant", "content": "ab"})],
        [start(), done(3, message={"role": "assistant", "content": "ab"})],
        [start(), content(1, ""), content(2, "ab"), done(3)],
    ],
)
def test_what_is_repeated_stands_in_for_what_is_missing(chunks):
    (span,) = spans(lines(*chunks))

    assert answer_of(span) == "ab"


def test_arguments_are_told_apart_by_id_and_by_index():
    chunks = [
        start(),
        tool(1, '{"a":', id="x", name="one", index=0),
        tool(2, '{"b":', id="y", name="two", index=1),
        tool(3, "1}", index=0),
        tool(4, "2}", index=1),
        tool(5, '{"cut":', id="z", name="three"),
        done(6, "tool_calls"),
    ]

    (span,) = spans(lines(*chunks))

    assert [(each["name"], each["input"]) for each in answer_of(span)] == [
        ("one", {"a": 1}),
        ("two", {"b": 2}),
        ("three", '{"cut":'),
    ]


def test_an_error_ends_a_stream():
    failure = json.loads(payload("chunk-error.json"))

    (span,) = spans(lines(start(), content(1, "a"), content(2, "b"), failure))

    assert (span.status, span.error_type, span.error) == (2, "STREAM_INTERRUPTED", "socket closed")
    assert (answer_of(span), span.finish_reason) == ("ab", "error")


def test_a_stream_that_failed_and_went_on_is_two_attempts():
    failure = json.loads(payload("chunk-error.json"))
    chunks = [start(), content(1, "a"), content(2, "b"), failure, content(3, "c"), done(4)]

    root, failed, whole = spans(lines(*chunks))

    assert (failed.status, answer_of(failed)) == (2, "ab")
    assert (whole.status, answer_of(whole)) == (1, "abc")
    assert (root.status, root.kind) == (1, 4)


def test_a_second_stream_of_the_same_request_is_another_attempt():
    def tried(backend):
        return start(provenance={"backend": backend})

    chunks = [tried("a"), content(1, "x"), done(2), tried("b"), content(1, "y"), done(2)]

    root, *attempts = spans(lines(*chunks))

    assert [(each.provider, answer_of(each)) for each in attempts] == [("a", "x"), ("b", "y")]


BROKEN = json.loads(payload("chunk-error.json"))
FIRST_TRY = [start(), content(1, "Hel"), content(2, "lo wor")]
SECOND_TRY = [start(timestamp=STARTED_MS + 5_000), content(1, "Hi "), content(2, "there"), done(3)]


@pytest.mark.parametrize("end", [[], [{**BROKEN, "sequence": 3}]], ids=["cut short", "failed"])
@pytest.mark.parametrize("order", [1, -1])
def test_tries_sent_one_by_one_are_never_mixed(end, order):
    """A stream that broke off and the next try, each in its own body."""
    bodies = [lines(*FIRST_TRY, *end), lines(*SECOND_TRY)]

    root, broken, whole = spans(*bodies[::order])

    assert (answer_of(broken), answer_of(whole)) == ("Hello wor", "Hi there")
    assert (root.status, whole.status) == (1, 1)
    assert "stream_conflict" not in {*broken.warnings, *whole.warnings}


def named(chunks):
    return [{"requestId": "req-1", **chunk} for chunk in chunks]


def test_what_comes_without_its_start_goes_on_with_the_stream():
    (span,) = spans(lines(*SECOND_TRY[:2]), lines(*named(SECOND_TRY[2:])))
    assert (answer_of(span), span.warnings) == ("Hi there", ("end_missing",))

    _, broken, whole = spans(
        lines(*FIRST_TRY, {**BROKEN, "sequence": 3}),
        lines(*SECOND_TRY[:2]),
        *map(lines, named([*FIRST_TRY[1:], *SECOND_TRY[1:]])),
    )
    assert (answer_of(broken), answer_of(whole)) == ("Hello wor", "Hi there")


def test_attempts_may_be_numbered():
    chunks = [
        {"attempt": number, "requestId": "r", **chunk}
        for number, word in ((2, "late"), (1, "early"))
        for chunk in (start("r"), content(1, word), done(2))
    ]

    _, first, second = spans(*chunks)

    assert (answer_of(first), answer_of(second)) == ("early", "late")


def test_times_of_chunks_give_the_time_to_the_first_token():
    chunks = [
        start(),
        content(1, "a", timestamp=STARTED_MS + 250),
        done(2, timestamp=STARTED_MS + 900),
    ]

    (span,) = spans(lines(*chunks))

    assert (span.ttft_us, span.duration_us) == (250_000, 900_000)
    assert span.warnings == ()


def test_a_stream_is_compared_with_the_response_beside_it():
    sent = {
        "request": request(),
        "response": response("ab"),
        "chunks": [start(), content(1, "x"), done(2)],
    }

    (span,) = spans(sent)

    assert answer_of(span) == "ab"
    assert "stream_mismatch" in span.warnings

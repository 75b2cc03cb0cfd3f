"""Shapes of ai.matey: each told apart, refused with where and what, never at a neighbour's cost."""

import json

import pytest

from tests.tracking.chats import (
    RECEIPT,
    WARNINGS,
    content,
    done,
    lines,
    metadata,
    parts_of,
    payload,
    request,
    response,
    start,
)
from tracking.adapters import matey
from tracking.events import BadBodyError

EXCHANGE, ORPHAN, BACKEND = matey.EXCHANGES, matey.ORPHANS, matey.BACKENDS


def check(body):
    return matey.check(
        body if isinstance(body, bytes) else json.dumps(body).encode(), receipt=RECEIPT
    )


def kinds(parts):
    return [(part.system, json.loads(part.body)["kind"]) for part in parts]


@pytest.mark.parametrize(
    ("name", "document"),
    [
        ("chat-request.json", (EXCHANGE, "request")),
        ("chat-request-tool-result.json", (EXCHANGE, "request")),
        ("chat-response.json", (EXCHANGE, "response")),
        ("chat-response-tool-use.json", (EXCHANGE, "response")),
        ("exchange-envelope-proposed.json", (EXCHANGE, "exchange")),
        ("chunk-start.json", (EXCHANGE, "chunk")),
        ("chunk-content-both.json", (ORPHAN, "chunk")),
        ("chunk-content-delta.json", (ORPHAN, "chunk")),
        ("chunk-tool-use.json", (ORPHAN, "chunk")),
        ("chunk-metadata.json", (ORPHAN, "chunk")),
        ("chunk-done.json", (ORPHAN, "chunk")),
        ("chunk-error.json", (ORPHAN, "chunk")),
        ("capabilities.json", (BACKEND, "capabilities")),
        *((name, (ORPHAN, "warning")) for name in WARNINGS),
    ],
)
def test_every_payload_is_told_by_its_shape(name, document):
    body = payload(name)

    assert check(body) == (1, [])
    assert kinds(parts_of(body)) == [document]


def test_ten_warnings_are_among_the_payloads():
    assert len(WARNINGS) == 10


def test_chunks_belong_to_the_start_in_their_body():
    body = payload("stream.jsonl")

    assert check(body) == (7, [])
    assert {part.key for part in parts_of(body)} == {"req_7Qk2"}


@pytest.mark.parametrize(
    "sent",
    [
        {"requestId": "r", **content(1, "a")},
        {"requestId": "r", "chunk": content(1, "a")},
        {"requestId": "r", "chunks": [content(1, "a")]},
    ],
)
def test_a_chunk_may_name_its_request(sent):
    assert [(p.system, p.key) for p in parts_of(sent)] == [(EXCHANGE, "r")]


def test_the_request_as_a_whole_may_name_what_its_items_leave_out():
    headers = {"x-request-id": "r", "x-session-id": "s"}
    body = lines(
        content(1, "a"), {"category": "parameter-clamped"}, {"requestId": "q", **content(2, "b")}
    )

    parts = parts_of(body, **headers)

    assert [part.key for part in parts] == ["r", "r", "q"]
    assert {json.loads(part.body)["beside"]["sessionId"] for part in parts} == {"s"}


def test_the_start_in_the_body_wins_over_the_header():
    parts = parts_of(lines(start("own"), content(1, "a")), **{"x-request-id": "proxy"})

    assert {part.key for part in parts} == {"own"}


def test_two_streams_of_one_body_stay_apart():
    body = lines(start("a"), content(1, "x"), start("b"), content(1, "x"))

    assert [part.key for part in parts_of(body)] == ["a", "a", "b", "b"]


def test_capabilities_are_their_backend_s():
    told = {"streaming": True, "multiModal": False}
    named = {"backend": "anthropic", "capabilities": told}

    assert parts_of(named)[0].key == "anthropic"
    assert parts_of(told, **{"x-backend": "ollama"})[0].key == "ollama"
    assert parts_of(told)[0].key.startswith("unnamed-")


def test_an_exchange_without_an_id_is_named_by_its_content():
    sent = {"request": {"messages": [{"role": "user", "content": "x"}]}, "response": None}

    keys = {part.key for part in parts_of(sent, sent)}

    assert len(keys) == 1
    assert keys.pop().startswith("exchange-")


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"", "the body is empty"),
        (b"{", "not JSON"),
        (b'"text"', "neither an object nor an array"),
        ({"items": 5}, '"items" must be an array'),
        ({"foo": 1}, "shape_unknown: none of the shapes"),
        ({"finishReason": "stop"}, '"finishReason" alone is no shape: the nearest is a response'),
        ({"choices": []}, "OpenAI's own response"),
        ({"resourceSpans": []}, "/v1/traces"),
        ({"type": "note", "data": {}}, "/api/v1/events"),
        ({"messages": []}, 'messages_empty: "messages" must hold a message'),
        ({"messages": [{"role": "user", "content": "x"}]}, "request_id_missing"),
        (request(messages=[{"content": "x"}]), '"messages[0].role" must be'),
        (request(messages=["x"]), '"messages[0]" must be'),
        (request(messages=[{"role": "user", "content": 5}]), '"messages[0].content" must be'),
        (request(messages=[{"role": "user", "content": [{}]}]), '"messages[0].content[0]"'),
        (request(tools={}), '"tools" must be an array; it is an object'),
        (response(finish=None), 'finish_reason_missing: "finishReason" must be a text'),
        (response(metadata=metadata(timestamp="soon")), 'timestamp_invalid: "metadata.timestamp"'),
        (response(metadata=metadata(timestamp=1)), "expired"),
        ({"request": 5}, '"request" must be'),
        ({"request": request(messages=5)}, '"request.messages" must be an array of messages'),
        ({"response": {}, "durationMs": 1}, "exchange_empty"),
        ({"request": request(), "durationMs": "1"}, '"durationMs" must be a number'),
        ({"requestId": "r", "chunks": [content("1", "a")]}, '"chunks[0].sequence" must be'),
        ({"type": "contnt", "sequence": 1}, 'not "contnt"'),
        ({"type": "content", "sequence": 1}, "delta_missing"),
        ({"type": "content", "sequence": -1, "delta": ""}, '"sequence" must be from 0'),
        ({"type": "done"}, "sequence_missing"),
        ({"category": 5}, '"category" must be a text'),
        ({"capabilities": {"colour": 1}}, "capabilities_invalid"),
        ({"capabilities": 5}, '"capabilities" must be'),
    ],
)
def test_a_body_of_one_bad_item_says_where_and_what(sent, said):
    with pytest.raises(BadBodyError) as refused:
        check(sent)

    assert said in str(refused.value)


def test_bad_items_cost_no_good_neighbour():
    body = lines(request(), {"foo": 1}, 5, done(1), content(2, "b"))

    n_items, refused = check(body)

    assert n_items == 5
    assert [(each.index, each.code) for each in refused] == [
        (1, "shape_unknown"),
        (2, "not_an_object"),
    ]
    assert matey.read(body, receipt=RECEIPT).rejections == refused
    assert len(parts_of(body)) == 3


def test_the_same_item_gives_the_same_part_however_it_is_written():
    body = json.dumps(request(), indent=3).encode()

    assert parts_of(body) == parts_of(request())


def test_a_part_tells_the_times_it_names():
    assert parts_of(request())[0].moments == (1_772_615_700_000_000,)

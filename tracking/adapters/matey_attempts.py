"""The pieces of one request to the attempts at answering it. Pure.

A request keeps its id across retries and fallbacks. An attempt is one answer: a response, a stream,
or an error. The same answer told twice (in an envelope and alone) is one attempt; whatever differs
in words, finish reason, backend or the provider's id is another one.
"""

from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import Any

import msgspec

from tracking.adapters.json_values import (
    JsonObject,
    first,
    length_us,
    moment_us,
    name,
    obj,
    objects,
    text,
)
from tracking.adapters.matey_streams import (
    MISMATCH,
    Chunk,
    Stream,
    chunks_of,
    make_chunk,
    merge_metadata,
    split_streams,
    tell_streams,
    text_of_content,
)
from tracking.events import Part

_encode = msgspec.json.Encoder(order="deterministic").encode


class Attempt(msgspec.Struct):
    request: JsonObject = {}
    request_key: bytes = b""  # a hash of the request: it may be long, and asked often
    response: JsonObject = {}  # also of a stream: what its chunks make up
    stream: Stream | None = None
    error: JsonObject | None = None
    duration_us: int | None = None
    ttft_us: int | None = None
    number: int = 0  # as its sender counts; 0: not said
    place: str = ""  # of a stream that came after another one in one body
    beside: JsonObject = {}  # what the envelope said: session, user, environment

    @property
    def is_answered(self) -> bool:
        return bool(self.response) or self.error is not None

    @property
    def metadata(self) -> JsonObject:
        """The request's, overruled by the response's: it began as a copy of it."""
        return merge_metadata(obj(self.request.get("metadata")), obj(self.response.get("metadata")))

    @property
    def started_us(self) -> int | None:
        sources = (self.request, self.response)
        stated = [obj(source.get("metadata")).get("timestamp") for source in sources]
        return next((us for value in stated if (us := moment_us(value)) is not None), None)


class Pieces(msgspec.Struct):
    """What a document's parts hold, each kind in an order that no arrival changes."""

    requests: list[JsonObject] = []
    attempts: list[Attempt] = []
    warnings: list[JsonObject] = []
    beside: JsonObject = {}


def read_pieces(parts: Sequence[Part]) -> Pieces:
    pieces = Pieces()
    chunks: dict[int, dict[str, list[Chunk]]] = {}
    for body in sorted({part.body for part in parts}):
        sent = msgspec.json.decode(body)
        value, beside = obj(sent.get("value")), obj(sent.get("beside"))
        said = {**value, **beside}
        pieces.beside = {**said_beside(said), **pieces.beside}
        number = _number_of(said)
        if sent.get("kind") == "chunk":
            chunk = make_chunk(value, is_disordered=beside.get("disordered") is True)
            place = text(beside.get("stream"))
            chunks.setdefault(number, {}).setdefault(place, []).append(chunk)
        else:
            _sort_in(pieces, text(sent.get("kind")), value, said)
    for number, by_place in sorted(chunks.items()):
        for place, group in tell_streams(by_place):
            for stream in split_streams(group):
                pieces.attempts.append(_of_stream(stream, Attempt(number=number, place=place)))
    return pieces


def _sort_in(pieces: Pieces, kind: str, value: JsonObject, said: JsonObject) -> None:
    if kind == "exchange":
        pieces.attempts += _of_exchange(value, said)
    elif kind == "response":
        pieces.attempts.append(Attempt(response=value, number=_number_of(said)))
    elif kind == "request":
        pieces.requests.append(value)
    elif kind == "warning":
        pieces.warnings.append(value)


def said_beside(said: JsonObject) -> JsonObject:
    keys = ("sessionId", "userId", "environment")
    return {key: said[key] for key in keys if name(said.get(key))}


def _number_of(said: JsonObject) -> int:
    number = said.get("attempt")
    return number if isinstance(number, int) and 0 < number < 1_000_000 else 0


def _of_exchange(value: JsonObject, said: JsonObject) -> list[Attempt]:
    shared = Attempt(
        request=obj(value.get("request")),
        duration_us=length_us(value.get("durationMs")),
        ttft_us=length_us(first(value.get("ttftMs"), value.get("timeToFirstTokenMs"))),
        number=_number_of(said),
        beside=said_beside(said),
    )
    response = obj(value.get("response"))
    error = value.get("error")
    streams = split_streams(chunks_of(objects(value.get("chunks"))))
    if not (response or streams or error):
        return [shared]
    found = [_of_stream(stream, msgspec.structs.replace(shared)) for stream in streams[:-1]]
    last = msgspec.structs.replace(shared, response=response)
    if streams:
        last = _of_stream(streams[-1], last)
    if error:
        last.error = error_of(error)
    return [*found, last]


def _of_stream(stream: Stream, attempt: Attempt) -> Attempt:
    """Let an attempt be what its stream says, where no response beside it says so itself."""
    rebuilt = {
        "message": stream.to_message(),
        "finishReason": stream.finish_reason,
        "usage": stream.usage,
        "metadata": stream.metadata,
    }
    said = attempt.response
    if said and stream.text != text_of_content(obj(said.get("message")).get("content")):
        stream.warnings = sorted({*stream.warnings, MISMATCH})
    metadata = merge_metadata(stream.metadata, obj(said.get("metadata")))
    stated = {k: v for k, v in said.items() if v not in (None, "", {})}
    attempt.response = {**rebuilt, **stated, "metadata": metadata}
    attempt.stream = stream
    if stream.error is not None and not said:
        attempt.error = error_of(stream.error)
    return attempt


def error_of(error: object) -> JsonObject:
    """An error as ``{code, message, details?}``, however it was sent."""
    if isinstance(error, dict):
        return error
    return {"message": error if isinstance(error, str) else _encode(error).decode()}


def attempts_of(pieces: Pieces) -> list[Attempt]:
    """The attempts in the order they were made, each with the request it answers."""
    merged: dict[bytes, Attempt] = {}
    for attempt in sorted(filter(_has_answer, pieces.attempts), key=_richness):
        key = _identity_of(attempt)
        merged[key] = _merge(merged[key], attempt) if key in merged else attempt
    attempts = list(merged.values())
    requests = _distinct([*pieces.requests, *(a.request for a in pieces.attempts if a.request)])
    latest = {is_streamed: _latest(requests, is_streamed) for is_streamed in (False, True)}
    for attempt in attempts:
        if attempt.request:
            attempt.request_key = _hash(attempt.request)
        elif requests:
            attempt.request_key, attempt.request = latest[attempt.stream is not None]
    answered = {attempt.request_key for attempt in attempts}
    attempts += [
        Attempt(request=request, request_key=key)
        for key, request in requests.items()
        if key not in answered
    ]
    return sorted(attempts, key=_order)


def _has_answer(attempt: Attempt) -> bool:
    return attempt.is_answered


def _richness(attempt: Attempt) -> tuple[bool, bytes]:
    """Envelopes first: what they say of an answer is not said by the answer alone."""
    return not attempt.request, _encode([attempt.response, attempt.error, attempt.duration_us])


def _identity_of(attempt: Attempt) -> bytes:
    response, metadata = attempt.response, obj(attempt.response.get("metadata"))
    message = obj(response.get("message"))
    said = [
        attempt.number,
        text_of_content(message.get("content")),
        [b for b in objects(message.get("content")) if b.get("type") != "text"],
        text(response.get("finishReason")),
        name(metadata.get("providerResponseId")),
        text(obj(metadata.get("provenance")).get("backend")),
        attempt.error,
        # The same error again after another time is another attempt.
        None if message else attempt.duration_us,
    ]
    return _hash(said)


def _merge(known: Attempt, other: Attempt) -> Attempt:
    """Fill what the richer telling of an answer leaves out from the other one."""
    response = {
        **other.response,
        **{k: v for k, v in known.response.items() if v not in (None, {})},
    }
    ours, theirs = (obj(each.response.get("metadata")) for each in (known, other))
    if ours or theirs:
        response["metadata"] = {**merge_metadata(theirs, ours)}
    return Attempt(
        request=known.request or other.request,
        response=response,
        stream=known.stream or other.stream,
        error=known.error,
        duration_us=first(known.duration_us, other.duration_us),
        ttft_us=first(known.ttft_us, other.ttft_us),
        number=known.number,
        place=known.place or other.place,
        beside={**other.beside, **known.beside},
    )


def _distinct(requests: Iterable[JsonObject]) -> dict[bytes, JsonObject]:
    """Different requests of one id by their hash, the latest last."""
    found = {_hash(request): request for request in requests}
    ordered = sorted(found, key=lambda key: (_stated_us(found[key]), key))
    return {key: found[key] for key in ordered}


def _stated_us(request: JsonObject) -> int:
    return moment_us(obj(request.get("metadata")).get("timestamp")) or 0


def _latest(requests: dict[bytes, JsonObject], is_streamed: bool) -> tuple[bytes, JsonObject]:
    """The latest request that wanted this kind of answer: streamed or whole."""
    newest_first = [*reversed(requests.items()), (b"", {})]
    fitting = (each for each in newest_first if (each[1].get("stream") is True) == is_streamed)
    return next((each for each in fitting if each[0]), newest_first[0])


def _hash(value: object) -> bytes:
    return blake2b(_encode(value), digest_size=16).digest()


def _order(attempt: Attempt) -> tuple[Any, ...]:
    """By number, then by time; what failed was tried before what went well."""
    return (
        attempt.number or 1_000_000,
        attempt.place,
        attempt.started_us or 0,
        not attempt.is_answered,
        attempt.error is None,
        _identity_of(attempt),
        attempt.request_key,
    )

"""A stream's chunks back to the response they make up, with what is odd about them. Pure.

Text is the deltas in the order of their sequence; ``accumulated`` only checks them, and stands in
where chunks are missing. Arguments of a tool are its joined ``inputDelta``.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tracking.adapters.json_values import JsonObject, first, moment_us, name, obj, objects, text

MISMATCH = "stream_mismatch"
GAP = "stream_gap"
OUT_OF_ORDER = "stream_out_of_order"
CONFLICT = "stream_conflict"
INTERRUPTED = "stream_interrupted"

MISSING_SHOWN = 20
MAX_FAILURES = 50  # streams of one request that failed before one went well
_JOINED = frozenset({"provenance", "custom"})
_FIRST = "0001-"  # in its body
_ENDS = frozenset({"done", "error"})
_BESIDE = frozenset({"requestId", "sessionId", "userId", "attempt", "environment", "backend"})
_encode = msgspec.json.Encoder(order="deterministic").encode


class Chunk(msgspec.Struct, frozen=True):
    sequence: int
    type: str
    value: JsonObject
    at_us: int | None
    is_disordered: bool
    content: bytes  # canonical: the same chunk again is no other chunk


class Stream(msgspec.Struct):
    """What a stream's chunks say together. ``error``: of its error chunk; None without one."""

    text: str = ""
    tools: list[JsonObject] = []
    finish_reason: str = ""
    usage: JsonObject = {}
    metadata: JsonObject = {}
    message: JsonObject = {}  # as the done chunk repeats it
    error: object = None
    is_ended: bool = False
    first_content_us: int | None = None
    last_us: int | None = None
    n_chunks: int = 0
    n_content: int = 0
    missing: list[int] = []
    warnings: list[str] = []

    def to_message(self) -> JsonObject:
        """The assistant's message: its text alone, or blocks where tools were called."""
        role = text(self.message.get("role")) or "assistant"
        content = self.message.get("content")
        if not self.text and not self.tools and content:
            return {"role": role, "content": content}
        if not self.tools:
            return {"role": role, "content": self.text}
        words = [{"type": "text", "text": self.text}] if self.text else []
        return {"role": role, "content": [*words, *self.tools]}


def make_chunk(value: JsonObject, *, is_disordered: bool = False) -> Chunk:
    said = {key: each for key, each in value.items() if key not in _BESIDE}
    at_us = moment_us(first(value.get("timestamp"), value.get("at")))
    kind = text(value.get("type"))
    return Chunk(value["sequence"], kind, value, at_us, is_disordered, _encode(said))


def chunks_of(values: Iterable[JsonObject]) -> list[Chunk]:
    """Chunks as an envelope lists them: in the sender's own order."""
    found, highest = [], -1
    for value in values:
        found.append(make_chunk(value, is_disordered=value["sequence"] < highest))
        highest = max(highest, value["sequence"])
    return found


def tell_streams(by_place: dict[str, list[Chunk]]) -> list[tuple[str, list[Chunk]]]:
    """The streams of a request, by the start that chunks followed in their body: (place of one that
    came after another in its body, else "", chunks).

    Chunks sent without their start belong to the only stream; of several to the last one that has
    no end, unless one of them holds the same chunk.
    """
    told = {place: group for place, group in sorted(by_place.items()) if place and len(group) > 1}
    loose = [chunk for place, group in by_place.items() if place not in told for chunk in group]
    known = {chunk.content for group in told.values() for chunk in group}
    left = [chunk for chunk in loose if chunk.content not in known]
    firsts = [place for place in told if place.startswith(_FIRST)]
    is_open = [p for p in firsts if not any(chunk.type in _ENDS for chunk in told[p])]
    if left:
        place = firsts[0] if len(told) == len(firsts) == 1 else next(reversed(is_open), "")
        told.setdefault(place, []).extend(left)
    return [("" if place in firsts else place, group) for place, group in told.items()]


def split_streams(chunks: Sequence[Chunk]) -> list[Stream]:
    """A stream that failed and then went on is two: the failed one and the one that ended."""
    distinct = {chunk.content: chunk for chunk in chunks}
    for chunk in chunks:
        if chunk.is_disordered:
            distinct[chunk.content] = chunk
    ordered = sorted(distinct.values(), key=lambda c: (c.sequence, c.type in _ENDS, c.content))
    failures = [chunk for chunk in ordered if chunk.type == "error"]
    others = [chunk for chunk in ordered if chunk.type != "error"]
    if not failures:
        return [_rebuild(others)] if others else []
    if not any(chunk.type == "done" for chunk in others):
        return [_rebuild(ordered)]
    failed = [
        _rebuild([*(c for c in others if c.sequence < failure.sequence), failure])
        for failure in failures[:MAX_FAILURES]
    ]
    return [*failed, _rebuild(others)]


def _rebuild(ordered: Sequence[Chunk]) -> Stream:
    chosen, has_conflict = _choose(ordered)
    stream = Stream(n_chunks=len(chosen))
    warnings = {CONFLICT} if has_conflict else set()
    if any(chunk.is_disordered for chunk in chosen):
        warnings.add(OUT_OF_ORDER)
    stream.missing = _missing(chosen)
    if stream.missing:
        warnings.add(GAP)
    warnings |= _join_text(stream, chosen)
    stream.tools = _join_tools(chosen)
    for chunk in chosen:
        _READERS.get(chunk.type, _pass)(stream, chunk.value)
    warnings |= _compare_with_done(stream)
    if not stream.is_ended:
        warnings.add(INTERRUPTED)
    times = [chunk.at_us for chunk in chosen if chunk.at_us is not None]
    stream.last_us = max(times, default=None)
    stream.warnings = sorted(warnings)
    return stream


def _choose(ordered: Sequence[Chunk]) -> tuple[list[Chunk], bool]:
    """One chunk a place: of two that say different things, the first by content."""
    chosen: dict[int, Chunk] = {}
    for chunk in ordered:
        chosen.setdefault(chunk.sequence, chunk)
    return list(chosen.values()), len(chosen) < len(ordered)


def _missing(chosen: Sequence[Chunk]) -> list[int]:
    found: list[int] = []
    expected = 0
    for chunk in chosen:
        found += range(expected, min(chunk.sequence, expected + MISSING_SHOWN - len(found)))
        expected = chunk.sequence + 1
    return found


def _join_text(stream: Stream, chosen: Sequence[Chunk]) -> set[str]:
    warnings: set[str] = set()
    pieces: list[str] = []
    length, expected, is_whole = 0, 0, True
    for chunk in chosen:
        is_whole = is_whole and chunk.sequence == expected
        expected = chunk.sequence + 1
        if chunk.type != "content":
            continue
        stream.n_content += 1
        if stream.first_content_us is None:
            stream.first_content_us = chunk.at_us
        delta, accumulated = text(chunk.value.get("delta")), chunk.value.get("accumulated")
        pieces.append(delta)
        length += len(delta)
        if not isinstance(accumulated, str):
            continue
        if not is_whole:
            pieces, length, is_whole = [accumulated], len(accumulated), True
        elif length != len(accumulated) or not _ends_alike(pieces, accumulated):
            warnings.add(MISMATCH)
    stream.text = "".join(pieces)
    return warnings


def _ends_alike(pieces: list[str], accumulated: str) -> bool:
    """Compare and keep the joined text, so that a long stream is joined once a chunk at most."""
    joined = "".join(pieces)
    pieces[:] = [joined]
    return joined == accumulated


def _join_tools(chosen: Sequence[Chunk]) -> list[JsonObject]:
    """Calls of tools by id; from 0.3 on a piece may name its call by ``index`` alone."""
    calls: dict[str, dict[str, Any]] = {}
    of_index: dict[object, str] = {}
    for chunk in chosen:
        if chunk.type != "tool_use":
            continue
        value = chunk.value
        index = value.get("index") if isinstance(value.get("index"), int) else None
        key = name(value.get("id")) or of_index.get(index) or f"#{index or 0}"
        of_index.setdefault(index, key)
        call = calls.setdefault(key, {"name": "", "pieces": []})
        call["name"] = call["name"] or text(value.get("name"))
        call["pieces"].append(text(value.get("inputDelta")))
        if isinstance(value.get("input"), dict):  # some backends send it whole
            call["whole"] = value["input"]
    return [_tool_of(key, call) for key, call in calls.items()]


def _tool_of(key: str, call: dict[str, Any]) -> JsonObject:
    sent = "".join(call["pieces"])
    arguments: object = call.get("whole", {})
    if sent:
        try:
            arguments = msgspec.json.decode(sent)
        except (ValueError, RecursionError):
            arguments = sent  # cut short: shown as far as it came
    return {"type": "tool_use", "id": key, "name": call["name"], "input": arguments}


def _compare_with_done(stream: Stream) -> set[str]:
    """The done chunk may repeat the message: it checks the text, or stands in for what is missing.

    Blocks beside text are not compared: their order is the backend's.
    """
    repeated = text_of_content(stream.message.get("content"))
    if not repeated or repeated == stream.text:
        return set()
    if stream.missing or not stream.n_content:
        stream.text = repeated
        return set()
    return {MISMATCH}


def text_of_content(content: object) -> str:
    if isinstance(content, str):
        return content
    return "".join(text(b.get("text")) for b in objects(content) if b.get("type") == "text")


def _read_metadata(stream: Stream, value: JsonObject) -> None:
    stream.usage.update(obj(value.get("usage")))
    _absorb(stream.metadata, obj(value.get("metadata")))


def _read_done(stream: Stream, value: JsonObject) -> None:
    _read_metadata(stream, value)
    stream.finish_reason = text(value.get("finishReason"))
    stream.message = obj(value.get("message"))
    stream.is_ended = True


def _read_error(stream: Stream, value: JsonObject) -> None:
    stream.error = value.get("error") or {}
    stream.is_ended = True


def _pass(stream: Stream, value: JsonObject) -> None:
    pass


_READERS = {
    "start": _read_metadata,
    "metadata": _read_metadata,
    "done": _read_done,
    "error": _read_error,
}


def merge_metadata(earlier: JsonObject, later: JsonObject) -> JsonObject:
    """What was said later wins, key by key; warnings are joined, each of them once."""
    merged: JsonObject = {}
    _absorb(merged, earlier)
    _absorb(merged, later)
    if "warnings" in merged:
        merged["warnings"] = distinct(merged["warnings"])
    return merged


def distinct(values: Iterable[JsonObject]) -> list[JsonObject]:
    return list({_encode(each): each for each in values}.values())


def _absorb(metadata: JsonObject, later: JsonObject) -> None:
    """Add to ``metadata``, which nobody else holds: a stream may have many chunks that add."""
    for key, value in later.items():
        if key == "warnings":
            metadata.setdefault(key, []).extend(objects(value))
        elif key in _JOINED and isinstance(value, dict):
            joined = metadata.get(key)
            if isinstance(joined, dict):
                joined.update(value)
            else:
                metadata[key] = dict(value)
        else:
            metadata[key] = value

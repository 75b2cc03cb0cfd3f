"""Evaluations that events carry, to parts of scores: as if they had been sent as such. Pure."""

from collections.abc import Sequence

import msgspec

from tracking.adapters.dialects.keys import JUDGED
from tracking.adapters.scores import MAX_COMMENT, MAX_NAME, SYSTEM, Said
from tracking.cleaning import MAX_NAME_BYTES, clean_text
from tracking.events import Evaluation, IncomingEvent, Kind, Part, rank_of
from tracking.identity import content_identity

LINK_LENGTH = 2  # trace id and span id, then what else a link says

_encode = msgspec.json.Encoder(order="deterministic").encode


def score_parts(event: IncomingEvent, *, received_us: int) -> list[Part]:
    """The scores of what a span's evaluations judge. Said again they are the same ones."""
    return [_part_of(each, event, received_us) for each in event.evaluations]


def without_evaluations(event: IncomingEvent) -> IncomingEvent:
    """The event as it is stored: that it carried some is all it says of them."""
    return msgspec.structs.replace(event, evaluations=(), map_version=event.map_version + JUDGED)


def parts_gone(
    before: IncomingEvent, after: IncomingEvent, kept: Sequence[Part], *, received_us: int
) -> list[Part]:
    """What takes back the scores that one version of a span carried, and a later one does not.
    ``kept``: the parts of the later one."""
    keys = {part.key for part in kept}
    gone = [part for part in score_parts(before, received_us=received_us) if part.key not in keys]
    return [msgspec.structs.replace(part, body=_take_back(part.body, after)) for part in gone]


def _take_back(body: bytes, after: IncomingEvent) -> bytes:
    said = msgspec.json.decode(body, type=Said)
    version = rank_of(after)
    gone = msgspec.structs.replace(said, comment="", rest={}, version=version, is_gone=True)
    return _encode(gone)


def build_said(
    evaluation: Evaluation,
    *,
    at_us: int | None,
    trace_id: str = "",
    span_id: str = "",
    session_id: str = "",
    teller: IncomingEvent | None = None,
) -> Said:
    value = evaluation.value
    if isinstance(value, str):
        value = _cut(clean_text(value.strip()), MAX_NAME_BYTES)
    return Said(
        name=_cut(clean_text(evaluation.name.strip()), MAX_NAME),
        value=value,
        source=evaluation.source,
        comment=clean_text(evaluation.comment)[:MAX_COMMENT],
        at_us=at_us,
        rest=evaluation.rest,
        trace_id=trace_id,
        span_id=span_id,
        session_id=session_id,
        teller="" if teller is None else f"{teller.id.hex()}@{teller.occurred_us}",
        version=(0, 0) if teller is None else rank_of(teller),
    )


def build_part(
    said: Said, name: bytes, ordinal: int = 0, *, received_us: int, is_counted: bool
) -> Part:
    """``name`` and ``ordinal``: what tells the score from others, and its place among equals."""
    return Part(
        system=SYSTEM,
        key=f"evaluation:{content_identity(name, ordinal).hex()}",
        body=_encode(said),
        received_us=received_us,
        moments=() if said.at_us is None else (said.at_us,),
        is_counted=is_counted,
    )


def _part_of(evaluation: Evaluation, event: IncomingEvent, received_us: int) -> Part:
    target = _target_of(evaluation, event)
    at_us = evaluation.at_us
    if at_us is None:
        at_us = event.occurred_us + (event.duration_us or 0)
    at_us = max(at_us, event.occurred_us)  # of spans alone the door has looked at the time
    said = build_said(evaluation, at_us=at_us, teller=event, **target)
    if evaluation.identifier:
        judged = [target.get("trace_id") or target["session_id"], target.get("span_id", "")]
        name = _encode([*judged, evaluation.name, evaluation.identifier])
    else:
        name = _encode([event.trace_id, event.span_id, evaluation.key])
    return build_part(said, name, received_us=received_us, is_counted=False)


def _target_of(evaluation: Evaluation, event: IncomingEvent) -> dict[str, str]:
    """What is judged: by an evaluator with one link the span that it links to, never its parent
    (OpenInference, feedback: annotations); else the span itself, its trace or its session."""
    if evaluation.scope == "session" and event.session_own:
        return {"session_id": event.session_own}
    linked = _linked(event) if evaluation.of_link and event.kind == Kind.EVALUATOR else None
    if linked is not None:
        trace_id, span_id, session = *linked, ""
    else:
        trace_id, span_id, session = event.trace_id, event.span_id, event.session_own
    target = {"trace_id": trace_id, "session_id": session}
    return {**target, "span_id": span_id} if evaluation.scope == "span" else target


def _linked(event: IncomingEvent) -> tuple[str, str] | None:
    links = event.payload.links
    if not links or len(links) != 1:
        return None
    (link,) = links
    if not isinstance(link, list | tuple) or len(link) < LINK_LENGTH:
        return None
    trace_id, span_id = link[0], link[1]
    if not isinstance(trace_id, str) or not isinstance(span_id, str):
        return None
    return (trace_id, span_id) if trace_id.strip("0") and span_id.strip("0") else None


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")

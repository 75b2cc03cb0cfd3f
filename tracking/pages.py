"""What the pages of one session and of one trace show."""

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.http import Http404, HttpRequest

from core.numerals import read_whole
from tracking.adapters.dialects.message_parts import Message, decode_json
from tracking.adapters.dialects.messages import Direction, messages_of
from tracking.adapters.dialects.provenance import provenance_of
from tracking.conversation import REASONING, build_thread
from tracking.events import Payload
from tracking.filters import EventFilter
from tracking.forms import ScoreForm
from tracking.ingest_health import hint_of
from tracking.listing import list_spans
from tracking.message_points import add_messages, points_of
from tracking.phases import list_phases
from tracking.reading import read_session, read_span, read_spans, read_trace, session_window
from tracking.reports import RESPONSE_KEYS
from tracking.retrieved import RetrievedDocument, documents_of
from tracking.score_chips import sum_up
from tracking.scores import load_trace_scores
from tracking.shapes import SessionDetail, SpanContent, SpanDetail, SpanRow, TraceRow
from tracking.span_events import list_span_events
from tracking.translation_pages import describe_session_translation, describe_span_translation
from tracking.waterfall import WaterfallRow, build_waterfall

Context = dict[str, Any]  # a template context: values of any type, read by name

VIEWS = ("conversation", "timeline", "details")
TURN_EVENTS = 100
TIMELINE_SPANS = 200
TRACE_ROWS = 200
RETRIEVER = "retriever"
MESSAGE_POINTS = 50  # messages sent about one span that its panel shows


@dataclass(frozen=True, slots=True)
class TraceBars:
    """A trace within its session: where it lies on the session's axis, and its own rows.

    ``n_missing``: spans of it that the page does not show.
    """

    trace: TraceRow
    offset: float
    width: float
    rows: list[WaterfallRow]
    n_missing: int


@dataclass(frozen=True, slots=True)
class Slot:
    """One text of a span: shown as messages when it holds some, else as JSON when it is JSON."""

    title: str
    text: str
    value: object | None
    messages: list[tuple[str, str]]  # role and text
    documents: Sequence[RetrievedDocument] = ()  # what a retriever found


def describe_session(project_id: int, session_id: str, *, view: str, after: str) -> Context:
    detail = read_session(project_id, session_id)
    if detail is None:
        raise Http404("no such session")
    context: Context = {
        "session": detail.session,
        "detail": detail,
        "view": view if view in VIEWS else VIEWS[0],
        "views": VIEWS,
        "score_form": ScoreForm(initial={"session_id": detail.session.id}),
    }
    if context["view"] == "timeline":
        context["timeline"] = _timeline(project_id, detail)
    elif context["view"] == "details":
        context |= describe_session_translation(project_id, session_id)
    elif context["view"] == "conversation":
        context |= _conversation(project_id, session_id, after)
    return context


def _conversation(project_id: int, session_id: str, after: str) -> Context:
    window = session_window(project_id, session_id, after=after, limit=TURN_EVENTS)
    return {
        "turns": build_thread(window.events, is_continuation=window.is_continuation),
        "next_after": window.next_after,
        "is_continuation": window.is_continuation,
    }


def _timeline(project_id: int, detail: SessionDetail) -> list[TraceBars]:
    session = detail.session
    flt = EventFilter(session_id=session.id, sort="started_at", implicit=True)
    spans = list_spans(project_id, flt, page_size=TIMELINE_SPANS).rows
    by_trace: dict[str, list[SpanRow]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    whole = max((session.last_at - session.first_at).total_seconds() * 1000, 0.001)
    return [
        TraceBars(
            trace,
            _share(trace.started_at, session.first_at, whole),
            trace.duration_ms / whole,
            build_waterfall(by_trace.get(trace.trace_id, [])),
            max(0, trace.spans - len(by_trace.get(trace.trace_id, []))),
        )
        for trace in detail.traces
    ]


def _share(at: datetime, start: datetime, whole_ms: float) -> float:
    return (at - start).total_seconds() * 1000 / whole_ms


def describe_trace(project_id: int, trace_id: str, *, span_key: str, first_row: str) -> Context:
    """A trace with some of its rows, and the chosen span (else its root) opened."""
    detail = read_trace(project_id, trace_id)
    if detail is None:
        raise Http404("no such trace")
    rows = build_waterfall(detail.spans)
    chosen = span_key or (rows[0].span.key if rows else "")
    judged = _judged(rows, chosen)
    opened = _read_chosen(project_id, trace_id, chosen, detail.spans)
    response_id = _response_of(opened)
    scores = load_trace_scores(
        project_id, trace_id, span_ids=[judged] if judged else (), response_id=response_id
    )
    of_span = [score for score in scores if _is_of_span(score.target, trace_id, judged)]
    start = read_whole(first_row) or 0
    if span_key and not first_row:
        start = _page_of(rows, span_key)
    return {
        "trace": detail.trace,
        "rows": rows[start : start + TRACE_ROWS],
        "first_row": start,
        "previous_row": max(0, start - TRACE_ROWS),
        "next_row": start + TRACE_ROWS if start + TRACE_ROWS < len(rows) else None,
        "n_rows": len(rows),
        "hidden": detail.hidden,
        "score_chips": sum_up(scores),
        "trace_scores": [
            score for score in scores if score.target["kind"] != "span" and score not in of_span
        ],
        "span_scores": of_span,
        "score_form": ScoreForm(initial={"trace_id": trace_id, "span_id": judged}),
        "chosen": chosen,
        **_describe_span(project_id, opened),
    }


def _is_of_span(target: Mapping[str, str], trace_id: str, judged: str) -> bool:
    """Whether a score is the opened span's: it names the span, or its answer by the id alone."""
    if "span_id" in target:
        return bool(judged) and target["span_id"] == judged
    return target.get("trace_id", trace_id) != trace_id


def _response_of(opened: SpanDetail | None) -> str:
    """The id of the answer that a span tells of."""
    attributes = opened.content.attributes if opened is not None else {}
    return next((str(attributes[key]) for key in RESPONSE_KEYS if attributes.get(key)), "")


def _read_chosen(
    project_id: int, trace_id: str, key: str, spans: Sequence[SpanRow]
) -> SpanDetail | None:
    """The chosen span, with the messages that were sent about it."""
    span = read_span(project_id, trace_id, key) if key else None
    if span is None:
        return None
    told = points_of(spans, span.span.span_id)[:MESSAGE_POINTS]
    return add_messages(span, read_spans(project_id, trace_id, told))


def _page_of(rows: list[WaterfallRow], key: str) -> int:
    """The first row of the page that holds a span: a deep link must show what it names."""
    at = next((index for index, row in enumerate(rows) if row.span.key == key), 0)
    return at // TRACE_ROWS * TRACE_ROWS


def _judged(rows: list[WaterfallRow], chosen: str) -> str:
    """The span that the form of the panel judges; a point has no span id: its trace is judged."""
    return next((row.span.span_id for row in rows if row.span.key == chosen), "")


def _describe_span(project_id: int, detail: SpanDetail | None) -> Context:
    if detail is None:
        return {"span": None}
    span, told = detail.span, detail.content.span_events
    return {
        "span": span,
        "warning_hints": dict.fromkeys(hint for code in span.warnings if (hint := hint_of(code))),
        "content": detail.content,
        "span_events": list_span_events(told, span.started_at, span.duration_ms),
        "n_span_events": len(told),
        "reports": detail.reports,
        "slots": list_slots(detail.content, kind=span.kind),
        "provenance": provenance_of(detail.content.attributes),
        "phases": list_phases(detail.content.attributes, span.duration_ms),
        **describe_span_translation(project_id, detail),
    }


def list_slots(content: SpanContent, *, kind: str) -> list[Slot]:
    texts = (("System", content.system), ("Input", content.input), ("Output", content.output))
    slots = [
        _slot(title, text, {} if title == "System" else content.attributes)
        for title, text in texts
        if text
    ]
    if not content.input:
        slots += _told_slot("Input", content, "input")
    if not content.output:
        slots += _told_slot("Output", content, "output")
    return _with_documents(slots, content) if kind == RETRIEVER else slots


def _with_documents(slots: list[Slot], content: SpanContent) -> list[Slot]:
    """The slots of a retriever, whose output may be told by its attributes alone."""
    *before, last = (
        slots if slots and slots[-1].title == "Output" else [*slots, Slot("Output", "", None, [])]
    )
    documents = documents_of(last.value, content.attributes)
    return [*before, replace(last, documents=documents)] if documents or last.text else before


def _told_slot(title: str, content: SpanContent, direction: Direction) -> list[Slot]:
    """Messages that are in no text of the span: flattened in its attributes, or in its events."""
    payload = Payload(span_events=content.span_events)
    lines = _lines(messages_of(payload, content.attributes, direction))
    return [Slot(title, "\n\n".join(text for _, text in lines), None, lines)] if lines else []


_PAYLOADS: Mapping[str, Callable[[str], Payload]] = {
    "System": lambda text: Payload(system=text),
    "Input": lambda text: Payload(input=text),
    "Output": lambda text: Payload(output=text),
}


def _slot(title: str, text: str, attributes: dict[str, object]) -> Slot:
    """One text. ``attributes`` may tell its roles, and what was said beside it: tools, thoughts."""
    value = parse_json(text)
    direction: Direction = "output" if title == "Output" else "input"
    payload = _PAYLOADS[title](text)
    found = messages_of(payload, attributes, direction)
    bare = decode_json(text) if text[:1] == '"' else text
    is_bare = [part.text for message in found for part in message.parts] == [bare]
    return Slot(title, text, value, [] if is_bare else _lines(found))


def _lines(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """Roles and texts, thoughts apart from what was said."""
    lines = []
    for message in messages:
        thoughts = [p for p in message.parts if (p.type, p.name) == ("text", REASONING)]
        said = [part for part in message.parts if part not in thoughts]
        if thoughts:
            lines.append((REASONING, Message(message.role, thoughts).text))
        if said or not thoughts:
            lines.append((message.role, Message(message.role, said).text))
    return lines


def parse_json(text: str) -> object | None:
    """The object or list a text holds, or None when it is any other text.

    Lone surrogates, which no page can be encoded with, are no JSON to this decoder.
    """
    if text.lstrip()[:1] not in ("{", "["):
        return None
    value = decode_json(text)
    return None if value is text else value


def first_data_line(request: HttpRequest) -> str:
    """The command that sends the first event of this project, to be pasted into a shell."""
    span = {
        "type": "span",
        "data": {
            "trace_id": "first-trace",
            "span_id": "1",
            "name": "chat",
            "model": "gpt-4o-mini",
            "session_id": "first-session",
            "input": "Hello?",
            "output": "Hello! How can I help?",
            "tokens": {"input": 9, "output": 7},
        },
    }
    return (
        f"curl {request.build_absolute_uri('/api/v1/events')} "
        f"-H 'Authorization: Bearer YOUR_KEY' "
        f"-d {shlex.quote(json.dumps(span))}"
    )

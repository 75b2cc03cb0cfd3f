"""Which prompts the spans of a session carry that they cannot have used."""

from dataclasses import dataclass

from core.numerals import read_whole
from prompts.catalogue import texts_of
from prompts.models import PromptVersion
from prompts.rendering import Texts
from prompts.stale_tags import find_fragments, is_stale
from tracking.adapters.dialects.message_parts import decode_json
from tracking.adapters.dialects.messages import messages_of
from tracking.events import Payload
from tracking.reading import session_window
from tracking.shapes import SpanContent, SpanDetail, SpanRow

EVENTS_LOOKED_AT = 50

Tag = tuple[str, int]  # a prompt's key, a version's number
TOLD_APART = ("system", "developer")


@dataclass(frozen=True, slots=True)
class Fragments:
    """What a version always says: in all of it, and outside its instructions."""

    whole: list[str]
    asked: list[str]


@dataclass(frozen=True, slots=True)
class StaleTag:
    """``n_tagged`` spans of those looked at carry the version, ``spans`` of them wrongly so."""

    key: str
    version: int
    n_tagged: int
    spans: list[SpanRow]


def check_session(project_id: int, session_id: str) -> list[StaleTag]:
    """Look at the session's first 50 events, by the texts of the published versions they name."""
    window = session_window(project_id, session_id, limit=EVENTS_LOOKED_AT)
    tagged: dict[Tag, list[SpanDetail]] = {}
    for event in window.events:
        if tag := _tag_of(event.span):
            tagged.setdefault(tag, []).append(event)
    found = []
    for tag, fragments in _fragments_of(project_id, tagged).items():
        stale = [each.span for each in tagged[tag] if _is_stale(fragments, each.content)]
        if stale:
            found.append(StaleTag(*tag, len(tagged[tag]), stale))
    return sorted(found, key=lambda each: (each.key, each.version))


def _tag_of(span: SpanRow) -> Tag | None:
    """The version a call names itself: what a span above names, another of its calls may use."""
    if span.kind != "llm" or span.prompt is None or span.prompt.inherited:
        return None
    number = read_whole(span.prompt.version)
    return None if number is None else (span.prompt.key, number)


def _fragments_of(project_id: int, tags: dict[Tag, list[SpanDetail]]) -> dict[Tag, Fragments]:
    if not tags:
        return {}
    versions = PromptVersion.objects.filter(
        prompt__project_id=project_id,
        prompt__key__in={key for key, _ in tags},
        number__in={number for _, number in tags},
        published_at__isnull=False,
    ).select_related("prompt")
    return {
        tag: _read_fragments(texts_of(version))
        for version in versions
        if (tag := (version.prompt.key, version.number)) in tags
    }


def _read_fragments(texts: Texts) -> Fragments:
    asked = [each.content for each in texts.messages or () if each.role not in TOLD_APART]
    return Fragments(find_fragments(texts.templates()), find_fragments([texts.user, *asked]))


def _is_stale(fragments: Fragments, content: SpanContent) -> bool:
    """Of a bare question its sender may have kept the instructions to itself: they prove nothing.

    Messages, and what comes with a system text, are all that a model was sent.
    """
    is_whole = bool(content.system) or not isinstance(decode_json(content.input or ""), str)
    return is_stale(fragments.whole if is_whole else fragments.asked, _said(content))


def _said(content: SpanContent) -> list[str]:
    """The texts a call was sent: as messages, however its client wrote them, and as they came."""
    payload = Payload(input=content.input, system=content.system, span_events=content.span_events)
    messages = messages_of(payload, content.attributes, "input")
    parts = [part.text for message in messages for part in message.parts]
    return [*parts, content.system or "", content.input or ""]

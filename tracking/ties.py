"""What the spans of a trace mean for one another's counting. Pure.

A prompt that a span names passes down to the model calls below it that name none: each counts under
the prompt of its nearest ancestor that names one. It passes neither up nor sideways, and from spans
that are no model calls alone: what a call names is its own. A call that two instrumentations tell
counts once (tracking.reports); what does not count is no call, and passes its prompt down.

The ties of a trace are a function of the *set* of its events. Of two spans of one id the first is
the parent of those below it: the smallest (occurred_us, id). Parents that are missing, or one
another's children, pass nothing.
"""

from collections.abc import Container, Iterable, Mapping, Sequence

import msgspec

from tracking.events import CALL_KINDS, IncomingEvent, Kind
from tracking.folding import Fact, Tie
from tracking.pricing import MODALITIES
from tracking.reports import find_duplicates, is_call

UNTIED, TIED, REPORTED, TANGLED = 0, 1, 2, 4
"""Bits of a trace: a span passes a prompt down; calls come from several reporters, which may tell
the same ones; spans share an id."""

Tag = tuple[str, str]
"""A prompt's key and version."""

NO_TAG = ("", "")
EventKey = tuple[int, bytes]


def passes_down(event: IncomingEvent, *, is_duplicate: bool = False) -> bool:
    """Whether a span names a prompt for the model calls below it."""
    if not event.prompt_key or event.duration_us is None:
        return False
    return is_duplicate or event.kind not in CALL_KINDS


def counted(fact: Fact) -> Fact:
    """The fact as sums count it: a model call under the prompt that was named above it, a call that
    is told by another span too as a span without usage."""
    event, tie = fact.event, fact.tie
    if tie is None or event.kind not in CALL_KINDS:
        return fact
    if tie.same_as:
        return msgspec.structs.replace(fact, event=_as_span(event), cost_nano=None)
    if not tie.prompt_key or event.prompt_key:
        return fact
    named = msgspec.structs.replace(
        event, prompt_key=tie.prompt_key, prompt_version=tie.prompt_version
    )
    return msgspec.structs.replace(fact, event=named)


def _as_span(event: IncomingEvent) -> IncomingEvent:
    return msgspec.structs.replace(
        event,
        kind=int(Kind.CHAIN),
        tokens_in=None,
        tokens_out=None,
        tokens_cache_read=None,
        tokens_cache_write=None,
        tokens_reasoning=None,
        metrics=tuple(metric for metric in event.metrics if metric[0] not in MODALITIES),
    )


def below(fact: Fact) -> Tag:
    """What a stored span passes to those below it."""
    event, tie = fact.event, fact.tie
    if passes_down(event, is_duplicate=tie is not None and tie.same_as != b""):
        return event.prompt_key, event.prompt_version
    return (tie.prompt_key, tie.prompt_version) if tie else NO_TAG


class Ancestry:
    """Spans of a trace by id, and what they pass down.

    ``known``: what others pass, by their id. ``duplicates``: calls that do not count.
    """

    def __init__(
        self,
        facts: Iterable[Fact],
        known: Mapping[str, Tag] | None = None,
        duplicates: Container[EventKey] = (),
    ) -> None:
        self._spans: dict[str, Fact] = {}
        self._below: dict[str, Tag] = dict(known or {})
        self._duplicates = duplicates
        self.is_tangled = False
        for fact in facts:
            span_id = fact.event.span_id
            if fact.event.duration_us is None or not span_id:
                continue
            other = self._spans.setdefault(span_id, fact)
            if other is not fact:
                self.is_tangled = True
                self._spans[span_id] = min(fact, other, key=lambda twin: twin.event_key)

    def above(self, event: IncomingEvent) -> Tag:
        """What the nearest span above one that passes a prompt down names."""
        return self.below(event.parent_span_id)

    def below(self, span_id: str) -> Tag:
        """What the span of this id passes down. Each span is looked at once, however many ask."""
        path = []
        while span_id not in self._below:
            fact = self._spans.get(span_id)
            if fact is None:
                break
            event = fact.event
            if passes_down(event, is_duplicate=fact.event_key in self._duplicates):
                self._below[span_id] = event.prompt_key, event.prompt_version
                break
            self._below[span_id] = NO_TAG  # where the path comes round to itself
            path.append(span_id)
            span_id = event.parent_span_id
        found = self._below.get(span_id, NO_TAG)
        for passed in path:
            self._below[passed] = found
        return found


def tie_trace(
    facts: Sequence[Fact], responses: Mapping[EventKey, int]
) -> tuple[int, dict[EventKey, Tie | None]]:
    """How much the events of a whole trace are tied, and the ties by event; none where untied.

    ``responses``: the id of the answer by call, as far as it is known (reports.response_of).
    """
    calls = [fact for fact in facts if is_call(fact.event)]
    bits = REPORTED if len({call.event.origin for call in calls}) > 1 else UNTIED
    if any(passes_down(fact.event) for fact in facts):
        bits |= TIED
    if not bits:
        return UNTIED, {}
    duplicates: Mapping[EventKey, bytes] = {}
    if bits & REPORTED:
        duplicates = find_duplicates([(call, responses.get(call.event_key, 0)) for call in calls])
    else:
        responses = {}
    ancestry = Ancestry(facts, duplicates=duplicates)
    ties: dict[EventKey, Tie | None] = {}
    for fact in facts:
        key = fact.event_key
        if fact.event.duration_us is None:
            ties[key] = None
        else:
            tag = ancestry.above(fact.event)
            ties[key] = Tie(*tag, duplicates.get(key, b""), responses.get(key, 0))
    return bits | TANGLED if ancestry.is_tangled else bits, ties


class Tying(msgspec.Struct):
    """The ties of events that were added, and what they change of events stored before."""

    levels: dict[str, int] = {}  # by trace: how it is tied
    ties: dict[EventKey, Tie | None] = {}
    moved: list[tuple[Fact, Fact]] = []  # as they counted, and as they count now
    unsaved: list[tuple[EventKey, Tie | None]] = []
    heads: set[EventKey] = set()  # added spans that are the parents of those below them

    def count(self, facts: Iterable[Fact]) -> list[Fact]:
        """Facts as sums count them now."""
        return [
            counted(msgspec.structs.replace(fact, tie=self.ties[fact.event_key]))
            if fact.event_key in self.ties
            else counted(fact)
            for fact in facts
        ]

    def set(self, fact: Fact, tie: Tie | None, *, is_added: bool) -> None:
        """Tie a fact; ``fact.tie`` is what is stored of it."""
        self.ties[fact.event_key] = tie
        if tie != fact.tie:
            self.unsaved.append((fact.event_key, tie))
            if not is_added:
                self.move(fact, msgspec.structs.replace(fact, tie=tie))

    def move(self, before: Fact, after: Fact) -> None:
        old, new = counted(before), counted(after)
        if old.event != new.event:
            self.moved.append((old, new))

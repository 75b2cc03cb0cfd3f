"""What the spans of a trace mean for one another's counting. Pure.

A prompt that a span names passes down to the model calls below it that name none: each counts under
the prompt of its nearest ancestor that names one. It passes neither up nor sideways, and from spans
that are no model calls alone: what a call names is its own.

The ties of a trace are a function of the *set* of its events. Of two spans of one id the first is
the parent of those below it: the smallest (occurred_us, id). Parents that are missing, or one
another's children, pass nothing.
"""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tracking.events import CALL_KINDS, IncomingEvent
from tracking.folding import Fact, Tie

UNTIED, TIED, TANGLED = range(3)
"""Of a trace: no span says anything for others; one does; and some spans share an id, too."""

Tag = tuple[str, str]
"""A prompt's key and version."""

NO_TAG = ("", "")
EventKey = tuple[int, bytes]


def passes_down(event: IncomingEvent) -> bool:
    """Whether a span names a prompt for the model calls below it."""
    return event.prompt_key != "" and event.kind not in CALL_KINDS and event.duration_us is not None


def counted(fact: Fact) -> Fact:
    """The fact as sums count it: a model call under the prompt that was named above it."""
    event, tie = fact.event, fact.tie
    if tie is None or not tie.prompt_key or event.prompt_key or event.kind not in CALL_KINDS:
        return fact
    named = msgspec.structs.replace(
        event, prompt_key=tie.prompt_key, prompt_version=tie.prompt_version
    )
    return msgspec.structs.replace(fact, event=named)


def below(fact: Fact) -> Tag:
    """What a stored span passes to those below it."""
    if passes_down(fact.event):
        return fact.event.prompt_key, fact.event.prompt_version
    return (fact.tie.prompt_key, fact.tie.prompt_version) if fact.tie else NO_TAG


class Ancestry:
    """Spans of a trace by id, and what they pass down. ``known``: what others pass, by their id."""

    def __init__(self, facts: Iterable[Fact], known: Mapping[str, Tag] | None = None) -> None:
        self._spans: dict[str, IncomingEvent] = {}
        self._below: dict[str, Tag] = dict(known or {})
        self.is_tangled = False
        for fact in facts:
            event = fact.event
            if event.duration_us is None or not event.span_id:
                continue
            other = self._spans.setdefault(event.span_id, event)
            if other is not event:
                self.is_tangled = True
                if fact.event_key < (other.occurred_us, other.id):
                    self._spans[event.span_id] = event

    def tie_of(self, event: IncomingEvent) -> Tie | None:
        """What is said above a span; points are tied to nothing."""
        return Tie(*self.below(event.parent_span_id)) if event.duration_us is not None else None

    def below(self, span_id: str) -> Tag:
        """What the span of this id passes down. Each span is looked at once, however many ask."""
        path = []
        while span_id not in self._below:
            event = self._spans.get(span_id)
            if event is None:
                break
            if passes_down(event):
                self._below[span_id] = event.prompt_key, event.prompt_version
                break
            self._below[span_id] = NO_TAG  # where the path comes round to itself
            path.append(span_id)
            span_id = event.parent_span_id
        found = self._below.get(span_id, NO_TAG)
        for passed in path:
            self._below[passed] = found
        return found


def tie_trace(facts: Sequence[Fact]) -> tuple[int, dict[EventKey, Tie | None]]:
    """How much the events of a whole trace are tied, and the ties by event; none where untied."""
    if not any(passes_down(fact.event) for fact in facts):
        return UNTIED, {}
    ancestry = Ancestry(facts)
    ties = {fact.event_key: ancestry.tie_of(fact.event) for fact in facts}
    return TANGLED if ancestry.is_tangled else TIED, ties

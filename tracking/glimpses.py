"""What a list shows of a session, gathered event by event. Pure.

Facets are a union, the first and the last words those of the smallest and the greatest key: what
several gathered of a session, one after the other or beside one another, adds up to one.
"""

import heapq
from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from tracking.adapters.dialects.message_events import EVENT_NAMES
from tracking.events import IncomingEvent, Kind
from tracking.folding import Key

TRIED = 30  # events from either end whose content is looked at for words
KIND_NAMES = [kind.name.lower() for kind in Kind]
# Model calls and agents carry the conversation; other spans stand in where there are none.
SPEAKING = frozenset({Kind.LLM, Kind.AGENT})

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
Place = TypeVar("Place")
"""Where an event's content is."""


class Dimensions(NamedTuple):
    """What an event says about facets. ``metadata`` is the JSON text of a flat object."""

    kind: int
    model: str
    provider: str
    prompt_key: str
    prompt_version: str
    environment: str
    config_key: str
    error_type: str
    run_id: str
    finish_reason: str
    tags: tuple[str, ...]
    warnings: tuple[str, ...]
    arms: tuple[tuple[str, str], ...]
    metadata: str
    is_span: bool


_said = attrgetter(*Dimensions._fields[:-1])


def dimensions_of(event: IncomingEvent) -> Dimensions:
    """Those of an event as it came: prompts that others name above it are not in it."""
    return tuple.__new__(Dimensions, (*_said(event), event.duration_us is not None))


@lru_cache(10_000)
def read_dimensions(*said: Any) -> Dimensions:  # a stored event's columns, in this order
    """Those of a stored event, whose tags, warnings and arms are JSON texts or None."""
    *texts, tags, warnings, arms, metadata, is_span = said
    return Dimensions._make(
        (
            *texts,
            tuple(_decode(tags or "[]")),
            tuple(_decode(warnings or "[]")),
            tuple((experiment, variant) for experiment, variant in _decode(arms or "[]")),
            metadata or "",
            is_span,
        )
    )


def tells_messages(event: IncomingEvent) -> bool:
    """Whether it is a point that holds messages of a call, as if it were the call."""
    return event.duration_us is None and event.name in EVENT_NAMES


class Words(NamedTuple):
    """What was said at one end of a session. Of two, the smaller first and the greater last win."""

    key: Key
    text: str


class Told(msgspec.Struct):
    """What is known of a session: all of it, or what came since it was last told."""

    facets: set[str] = set()
    first: Words | None = None
    last: Words | None = None

    def add(self, other: "Told") -> None:
        self.facets |= other.facets
        if other.first and (self.first is None or other.first < self.first):
            self.first = other.first
        if other.last and (self.last is None or other.last > self.last):
            self.last = other.last


class Glimpse(Generic[Place]):
    """One session's facets, and the places where its first and last words may be."""

    def __init__(self) -> None:
        self._said: set[Dimensions] = set()
        self._places: list[tuple[bool, int, bytes, Place]] = []

    def add(
        self,
        dimensions: Dimensions,
        occurred_us: int,
        identity: bytes,
        place: Place | None,
        *,
        tells: bool = False,
    ) -> None:
        """``tells``: see :func:`tells_messages`; ``place`` is None where there is no content."""
        self._said.add(dimensions)
        if place is not None and (dimensions.is_span or tells):
            speaks = tells or dimensions.kind in SPEAKING
            self._places.append((speaks, occurred_us, identity, place))

    def facets(self) -> set[str]:
        return set().union(*map(_facets, self._said))

    def first_places(self) -> list[tuple[Key, Place]]:
        best = heapq.nsmallest(TRIED, self._places, key=_as_first)
        return [(_as_first(placed), placed[3]) for placed in best]

    def last_places(self) -> list[tuple[Key, Place]]:
        best = heapq.nlargest(TRIED, self._places, key=_as_last)
        return [(_as_last(placed), placed[3]) for placed in best]


def _as_first(placed: tuple[bool, int, bytes, object]) -> Key:
    return not placed[0], placed[1], placed[2]


def _as_last(placed: tuple[bool, int, bytes, object]) -> Key:
    return placed[:3]


def first_words(places: list[tuple[Key, Place]], preview: Callable[[Place], str]) -> Words | None:
    """The words of the first of these places that has any."""
    return next((Words(key, text) for key, place in places if (text := preview(place))), None)


def facets_of(said: Dimensions) -> Iterator[str]:
    """The facets of one event, as ``SessionText`` describes them."""
    if said.is_span:
        yield f"kind:{KIND_NAMES[said.kind]}"
    for name, value in (
        ("model", said.model),
        ("provider", said.provider),
        ("prompt", said.prompt_key),
        ("env", said.environment),
        ("config", said.config_key),
        ("error", said.error_type),
        ("run", said.run_id),
        ("finish", said.finish_reason),
    ):
        if value:
            yield f"{name}:{value}"
    if said.prompt_key and said.prompt_version:
        yield f"prompt:{said.prompt_key}@{said.prompt_version}"
    yield from (f"tag:{tag}" for tag in said.tags)
    yield from (f"warning:{code}" for code in said.warnings)
    yield from (f"arm:{experiment}={variant}" for experiment, variant in said.arms)
    if said.metadata:
        values: dict[str, object] = _decode(said.metadata)
        yield from (f"meta:{key}={_plain(value)}" for key, value in values.items())


# Sessions of one product say much the same.
_facets = lru_cache(10_000)(lambda said: tuple(facets_of(said)))


def _plain(value: object) -> str:
    """A value as PostgreSQL's ``->>`` writes it, whether it was stored in between or not."""
    if isinstance(value, str):
        return value
    if isinstance(value, Decimal):
        return format(value or abs(value), "f")
    return msgspec.json.encode(value).decode()

"""What a list shows of a session, gathered event by event. Pure."""

import datetime
import heapq
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from tracking.events import Kind

TRIED = 3  # events from either end whose content is looked at for words
KIND_NAMES = [kind.name.lower() for kind in Kind]
# Model calls and agents carry the conversation; other spans stand in where there are none.
SPEAKING = frozenset({Kind.LLM, Kind.AGENT})

_decode = msgspec.json.decode


class Dimensions(NamedTuple):
    """What an event says about facets. ``tags``, ``warnings``, ``arms`` and ``metadata`` are JSON
    texts."""

    kind: int
    is_span: bool
    model: str
    provider: str
    prompt_key: str
    prompt_version: str
    environment: str
    config_key: str
    error_type: str
    run_id: str
    finish_reason: str
    tags: str | None
    warnings: str | None
    arms: str | None
    metadata: str | None


class Place(NamedTuple):
    """Where an event's content is."""

    occurred_at: datetime.datetime
    block_id: int
    block_ix: int


class Glimpse:
    """One session's facets, and the places where its first and last words may be."""

    def __init__(self) -> None:
        self._said: set[Dimensions] = set()
        self._places: list[tuple[bool, Place]] = []

    def add(self, dimensions: Dimensions, place: Place, *, tells: bool = False) -> None:
        """``tells``: a point that holds messages of a call, as if it were the call."""
        self._said.add(dimensions)
        if place.block_id and (dimensions.is_span or tells):
            self._places.append((tells or dimensions.kind in SPEAKING, place))

    def facets(self) -> set[str]:
        return {facet for dimensions in self._said for facet in _facets(dimensions)}

    def first_places(self) -> list[Place]:
        best = heapq.nsmallest(TRIED, self._places, key=lambda p: (not p[0], p[1]))
        return [place for _, place in best]

    def last_places(self) -> list[Place]:
        best = heapq.nlargest(TRIED, self._places, key=lambda p: (p[0], p[1]))
        return [place for _, place in best]


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
    yield from (f"tag:{tag}" for tag in _list(said.tags))
    yield from (f"warning:{code}" for code in _list(said.warnings))
    yield from (f"arm:{experiment}={variant}" for experiment, variant in _list(said.arms))
    if said.metadata:
        values: dict[str, object] = _decode(said.metadata)
        yield from (f"meta:{key}={_plain(value)}" for key, value in values.items())


# Sessions of one product say much the same.
_facets = lru_cache(10_000)(lambda said: tuple(facets_of(said)))


def _list(text: str | None) -> Any:  # JSON list of the column's own items
    return _decode(text) if text else ()


def _plain(value: object) -> str:
    """A value as PostgreSQL's ``->>`` writes it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()

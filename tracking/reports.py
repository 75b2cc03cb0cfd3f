"""Which model calls of a trace are two reports of one call. Pure.

An application that is instrumented twice (a framework and the client below it, a client that makes
spans by itself and an instrumentation of it) tells each call twice. Two calls of one kind that come
from different reporters (resource and scope) are one, when

- one is the parent of the other and runs around it, and nothing that both say contradicts:
  the id of the answer, the model, the tokens, whether it failed; or
- both name the same id of the answer, run at the same time, and no reporter names that id twice.

The report that says more counts, and the other is told of it. When in doubt both count: what is
wrongly taken for the same is money that nobody sees.
"""

from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import combinations

from xxhash import xxh64_intdigest

from tracking.events import CALL_KINDS, IncomingEvent, Status
from tracking.folding import Fact

SLACK_US = 1_000  # some clients round the times of spans to whole milliseconds
MOST_REPORTS = 8  # of one call; an id of more calls is no id
RESPONSE_KEYS = ("gen_ai.response.id", "ai.response.id")
_FAILED = int(Status.ERROR)

EventKey = tuple[int, bytes]
Call = tuple[Fact, int]
"""A model call, and the hash of the id of its answer; 0 where none was named."""


def is_call(event: IncomingEvent) -> bool:
    return event.kind in CALL_KINDS and event.duration_us is not None


def response_of(attributes: Mapping[str, object] | None) -> int:
    """A signed 64-bit hash of the id of an answer, or 0."""
    for key in RESPONSE_KEYS if attributes else ():
        said = (attributes or {}).get(key)
        if isinstance(said, str) and said:
            return xxh64_intdigest(said.encode("utf-8", "surrogatepass")) - (1 << 63)
    return 0


def find_duplicates(
    calls: Sequence[Call], *, responses: Container[int] | None = None
) -> dict[EventKey, bytes]:
    """The calls that do not count, each with the id of a report of the same call that says more.

    ``responses``: the answers all of whose calls are here; None for all.
    """
    found: dict[EventKey, bytes] = {}
    for one, other in _pairs_of(calls, responses):
        poorer, richer = sorted((one, other), key=lambda fact: worth_of(fact.event))
        known = found.get(poorer.event_key)
        found[poorer.event_key] = richer.event.id if known is None else min(known, richer.event.id)
    return found


def _pairs_of(
    calls: Sequence[Call], responses: Container[int] | None
) -> Iterator[tuple[Fact, Fact]]:
    """Two reports of one call at a time."""
    ordered = sorted(calls, key=lambda call: call[0].event_key)
    by_span = {fact.event.span_id: (fact, response) for fact, response in reversed(ordered)}
    by_span.pop("", None)
    for fact, response in calls:
        outer = by_span.get(fact.event.parent_span_id)
        if outer and are_nested_reports(outer[0].event, fact.event, (outer[1], response)):
            yield outer[0], fact
    by_response: dict[int, list[Fact]] = defaultdict(list)
    for fact, response in ordered:
        if response and (responses is None or response in responses):
            by_response[response].append(fact)
    for facts in filter(names_one_call, by_response.values()):
        for one, other in combinations(facts, 2):
            if are_parallel_reports(one.event, other.event):
                yield one, other


def names_one_call(facts: Sequence[Fact]) -> bool:
    """Whether the id of an answer that these calls name is of one call alone."""
    reporters = {fact.event.origin for fact in facts}
    return 1 < len(facts) == len(reporters) <= MOST_REPORTS


def are_nested_reports(
    outer: IncomingEvent, inner: IncomingEvent, responses: tuple[int, int]
) -> bool:
    if outer.origin == inner.origin or outer.kind != inner.kind or outer.id == inner.id:
        return False
    if not _encloses(outer, inner) or (inner.status == _FAILED != outer.status):
        return False
    if all(responses):
        return responses[0] == responses[1]
    if not _tokens_agree(outer, inner):
        return False
    is_sure = _says_usage(outer) and _says_usage(inner)
    return _models_agree(outer.model, inner.model, is_sure=is_sure)


def are_parallel_reports(one: IncomingEvent, other: IncomingEvent) -> bool:
    first, last = _times(one), _times(other)
    overlap = first[0] <= last[1] + SLACK_US and last[0] <= first[1] + SLACK_US
    return overlap and one.kind == other.kind and one.origin != other.origin


def _times(event: IncomingEvent) -> tuple[int, int]:
    return event.occurred_us, event.occurred_us + (event.duration_us or 0)


def _encloses(outer: IncomingEvent, inner: IncomingEvent) -> bool:
    (start, end), (first, last) = _times(outer), _times(inner)
    return start - SLACK_US <= first and last <= end + SLACK_US


def _says_usage(event: IncomingEvent) -> bool:
    return bool(event.tokens_in) and event.tokens_out is not None


def _tokens_agree(one: IncomingEvent, other: IncomingEvent) -> bool:
    """Whether both may be the usage of one call. Some count cached tokens beside the others."""
    if None not in (one.tokens_out, other.tokens_out) and one.tokens_out != other.tokens_out:
        return False
    if one.tokens_in is None or other.tokens_in is None:
        return True
    return not _inputs(one).isdisjoint(_inputs(other))


def _inputs(event: IncomingEvent) -> set[int]:
    said = event.tokens_in or 0
    cached = (event.tokens_cache_read or 0) + (event.tokens_cache_write or 0)
    return {said, said - cached}


def _models_agree(one: str, other: str, *, is_sure: bool) -> bool:
    """gpt-4o and openai/gpt-4o-2024-08-06 are one model, gpt-4o and gpt-4o-mini are two. Where
    both say the same usage, the one name may be any part of the other, or nothing."""
    short, long = sorted((_bare(one), _bare(other)), key=len)
    if is_sure:
        return short in long
    rest = long[len(short) :].lstrip("-@:.").replace("-", "")
    return (
        bool(short) and long.startswith(short) and (not rest or (rest.isdigit() and rest[3:] != ""))
    )


def _bare(model: str) -> str:
    return model.rpartition("/")[2].casefold().removesuffix("-latest")


def worth_of(event: IncomingEvent) -> tuple[int, bool, int, int, bool, int]:
    """How much a report says; of equals the one with the smaller id is worth more."""
    said = [event.tokens_in, event.tokens_out]
    details = [event.tokens_cache_read, event.tokens_cache_write, event.tokens_reasoning]
    return (
        sum(n is not None for n in said),
        event.cost_reported is not None,
        sum(n or 0 for n in said),
        sum(n is not None for n in details),
        event.prompt_key != "",
        -int.from_bytes(event.id),
    )

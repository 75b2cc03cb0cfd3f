"""Which model calls of a trace are reports of one call. Pure.

An application that is instrumented twice (a framework and the client below it, a client that makes
spans by itself and an instrumentation of it) tells each call twice. Two calls of one kind that come
from different reporters (resource and scope) are one, when

- one is the parent of the other and runs around it, and nothing that both say contradicts:
  the id of the answer, the model, the tokens, whether it failed; or
- both name the same id of the answer, run at the same time, and no reporter names that id twice; or
- both have one parent, begin together, the one runs around the other, and both say the same model
  and the same tokens, in and out.

Of two the one that says no tokens does not count, else the longer one: several calls may lie
within one that sums up the last, and each of them counts. When in doubt both count: what is
wrongly taken for the same is money that nobody sees.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Container, Iterator, Mapping, Sequence
from itertools import chain, combinations

from xxhash import xxh64_intdigest

from tracking.events import CALL_KINDS, IncomingEvent, Status
from tracking.folding import Fact

SLACK_US = 1_000  # some clients round the times of spans to whole milliseconds
TOGETHER_US = 50_000  # an instrumentation begins so much before what it wraps, at its first call
MOST_REPORTS = 8  # of one call; an id of more calls is no id, and more that begin together are many
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
    calls: Sequence[Call],
    *,
    new: Container[EventKey] | None = None,
    responses: Container[int] | None = None,
) -> dict[EventKey, bytes]:
    """The calls that do not count, each with the id of a report of the same call that does better.

    ``new``: of these, and of what they meet. ``responses``: the answers all of whose calls are
    here. None for all.
    """
    found: dict[EventKey, bytes] = {}
    ordered = sorted(calls, key=lambda call: call[0].event_key)
    pairs = chain(_nested(ordered), _of_one_answer(ordered, responses), _beside(ordered))
    for one, other in pairs:
        if new is None or one.event_key in new or other.event_key in new:
            poorer, richer = sorted((one, other), key=lambda fact: worth_of(fact.event))
            known = found.get(poorer.event_key, richer.event.id)
            found[poorer.event_key] = min(known, richer.event.id)
    return found


def _nested(calls: Sequence[Call]) -> Iterator[tuple[Fact, Fact]]:
    by_span = {fact.event.span_id: (fact, response) for fact, response in reversed(calls)}
    by_span.pop("", None)
    for fact, response in calls:
        outer = by_span.get(fact.event.parent_span_id)
        if outer and are_nested_reports(outer[0].event, fact.event, (outer[1], response)):
            yield outer[0], fact


def _of_one_answer(
    calls: Sequence[Call], responses: Container[int] | None
) -> Iterator[tuple[Fact, Fact]]:
    by_response: dict[int, list[Fact]] = defaultdict(list)
    for fact, response in calls:
        if response and (responses is None or response in responses):
            by_response[response].append(fact)
    for facts in filter(names_one_call, by_response.values()):
        for one, other in combinations(facts, 2):
            if are_parallel_reports(one.event, other.event):
                yield one, other


def _beside(calls: Sequence[Call]) -> Iterator[tuple[Fact, Fact]]:
    for members in _by_place(calls):
        if len({fact.event.origin for fact, _ in members}) < 2:
            continue
        crowded = find_crowded(members)
        for at, (fact, response) in enumerate(members):
            if fact.event_key in crowded:
                continue
            for other, said in members[at + 1 : at + MOST_REPORTS]:
                if other.event_key not in crowded and are_reports_beside(
                    fact.event, other.event, (response, said)
                ):
                    yield fact, other


def _by_place(calls: Sequence[Call]) -> list[list[Call]]:
    """The calls of each parent that used the same tokens, by time."""
    places: dict[tuple[object, ...], list[Call]] = defaultdict(list)
    for call in calls:
        event = call[0].event
        if event.parent_span_id and event.tokens_in and event.tokens_out:
            place = (event.parent_span_id, event.kind, event.tokens_in, event.tokens_out)
            places[place].append(call)
    return list(places.values())


def find_crowded(calls: Sequence[Call]) -> set[EventKey]:
    """Those of the calls, by time, that begin together with too many others to tell them apart."""
    starts = [fact.event.occurred_us for fact, _ in calls]
    return {
        fact.event_key
        for fact, _ in calls
        if bisect_right(starts, fact.event.occurred_us + TOGETHER_US)
        - bisect_left(starts, fact.event.occurred_us - TOGETHER_US)
        > MOST_REPORTS
    }


def all_crowded(calls: Sequence[Call]) -> set[EventKey]:
    ordered = sorted(calls, key=lambda call: call[0].event_key)
    return {key for members in _by_place(ordered) for key in find_crowded(members)}


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
    is_sure = bool(outer.tokens_in) and inner.tokens_in is not None
    return _models_agree(outer.model, inner.model, is_sure=is_sure)


def are_reports_beside(
    one: IncomingEvent, other: IncomingEvent, responses: tuple[int, int]
) -> bool:
    """Of two calls with one parent and the same tokens."""
    if one.origin == other.origin or abs(one.occurred_us - other.occurred_us) > TOGETHER_US:
        return False
    if all(responses) or (one.status == _FAILED) != (other.status == _FAILED):
        return False
    encloses = _encloses(one, other) or _encloses(other, one)
    return encloses and _models_agree(one.model, other.model, is_sure=False)


def are_parallel_reports(one: IncomingEvent, other: IncomingEvent) -> bool:
    first, last = _times(one), _times(other)
    overlap = first[0] <= last[1] + SLACK_US and last[0] <= first[1] + SLACK_US
    return overlap and one.kind == other.kind and one.origin != other.origin


def _times(event: IncomingEvent) -> tuple[int, int]:
    return event.occurred_us, event.occurred_us + (event.duration_us or 0)


def _encloses(outer: IncomingEvent, inner: IncomingEvent) -> bool:
    (start, end), (first, last) = _times(outer), _times(inner)
    return start - SLACK_US <= first and last <= end + SLACK_US


def _tokens_agree(one: IncomingEvent, other: IncomingEvent) -> bool:
    """Whether both say the same usage, or one says none. Some count cached tokens beside others."""
    if not _n_told(one) or not _n_told(other):
        return True
    if one.tokens_out != other.tokens_out or (one.tokens_in is None) != (other.tokens_in is None):
        return False
    return not _inputs(one).isdisjoint(_inputs(other))


def _n_told(event: IncomingEvent) -> int:
    return (event.tokens_in is not None) + (event.tokens_out is not None)


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


def worth_of(event: IncomingEvent) -> tuple[int, int, int]:
    """What says tokens is worth more than what does not, and what is nearer to the call than what
    runs around it. No two are worth the same."""
    return _n_told(event), -(event.duration_us or 0), -int.from_bytes(event.id)

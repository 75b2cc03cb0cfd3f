"""Events folded into the state of their trace: claims, parts, sums. Pure.

The state that results is a function of the *set* of events: sums are additive, and whatever picks
one event (the session and user of a trace, its name, the wrapper whose tokens count) picks the
minimum of (has a parent, occurred_us, id), so neither order nor split of arrival can matter.
"""

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from tracking.events import CALL_KINDS, IncomingEvent, Kind, Status

SUMS = (
    "n_spans",
    "n_points",
    "n_llm",
    "n_tool",
    "n_errors",
    "n_root_errors",
    "n_tool_errors",
    "llm_us",
    "tokens_in",
    "tokens_out",
    "tokens_cache_read",
    "tokens_cache_write",
    "tokens_reasoning",
    "cost_nano",
    "n_unpriced",
)
SPANS, POINTS, LLM, TOOL, ERRORS, ROOT_ERRORS, TOOL_ERRORS, LLM_US, TOKENS = range(9)
COST, UNPRICED = 13, 14

GREATEST_METRIC = 1e150  # beyond it a sum of squares is no number any more

_LLM, _TOOL, _ERROR = int(Kind.LLM), int(Kind.TOOL), int(Status.ERROR)

Key = tuple[bool, int, bytes]
"""(has a parent, occurred_us, id): the smallest names the trace's session, user and name."""

Arm = tuple[str, str, str]
"""(experiment, variant, run id or "")."""


class Tie(msgspec.Struct, frozen=True, gc=False):
    """What the other spans of its trace mean for a span (tracking.ties)."""

    prompt_key: str = ""  # the nearest prompt named above it
    prompt_version: str = ""
    same_as: bytes = b""  # id of the report of the same call that counts instead (tracking.reports)
    response: int = 0  # hash of the id of a call's answer, where it may tell reports apart


class Fact(msgspec.Struct, gc=False):
    """An event with what digest adds to it."""

    event: IncomingEvent
    cost_nano: int | None = None
    cost_source: int = 0
    block_id: int = 0
    block_ix: int = 0
    price_stamp: int = 1  # which prices made ``cost_nano``
    tie: Tie | None = None

    @property
    def event_key(self) -> tuple[int, bytes]:
        """(occurred_us, id): the event's key within its project."""
        return self.event.occurred_us, self.event.id


class Metric(msgspec.Struct):
    """Running sums of a named number; ``last`` is the one with the greatest ``last_key``."""

    n: int
    total: float
    squares: float
    low: float
    high: float
    last: float
    last_key: tuple[int, int, bytes]

    def add(self, other: "Metric") -> None:
        self.n += other.n
        self.total += other.total
        self.squares += other.squares
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)
        if other.last_key > self.last_key:
            self.last, self.last_key = other.last, other.last_key


class Sighting(msgspec.Struct):
    """How often and when an arm was met."""

    n: int
    first_us: int
    last_us: int

    def add(self, other: "Sighting") -> None:
        self.n += other.n
        self.first_us = min(self.first_us, other.first_us)
        self.last_us = max(self.last_us, other.last_us)


class Part(msgspec.Struct):
    """The events of a trace that named the same session, or none (``session_own`` = "").

    Its times are None while it holds scores alone: a judgement, which may come days later, makes
    nothing longer.
    """

    session_own: str
    first_us: int | None
    last_us: int | None
    sums: list[int]
    arms: dict[Arm, Sighting]
    metrics: dict[str, Metric]
    session_id: str = ""
    is_implicit: bool = False

    @property
    def is_trace_of_session(self) -> bool:
        """Whether the part counts its trace in its session. A trace counts once: where another
        part lent its session to this one, that other part counts it. Points alone are no trace."""
        return self.sums[SPANS] > 0 and (self.session_own != "" or self.is_implicit)


class TraceState(msgspec.Struct):
    """What is known of one trace. ``wrapper`` is loaded when its tokens count (no call yet)."""

    trace_id: str
    first_us: int | None = None
    last_us: int | None = None
    n_calls: int = 0
    root_status: int = 0
    ties: int = 0  # bits, tracking.ties
    reporter: int | None = None  # the smallest origin of its model calls
    name: str = ""
    claim_session: str = ""
    claim_user: str = ""
    claim: Key | None = None
    user: Key | None = None
    root: Key | None = None
    wrapper_key: Key | None = None
    wrapper: Fact | None = None
    parts: dict[str, Part] = {}

    @property
    def counted_wrapper(self) -> Fact | None:
        """The wrapper span whose tokens stand for the calls that nobody sent."""
        return None if self.n_calls else self.wrapper

    def total(self, index: int) -> int:
        return sum(part.sums[index] for part in self.parts.values())


def fold(state: TraceState, facts: Iterable[Fact]) -> None:
    """Add new events of the trace to its state."""
    before = state.counted_wrapper
    for fact in facts:
        _add(state, fact)
    after = state.counted_wrapper
    if before is not after:
        if before is not None:
            add_usage(state.parts[before.event.session_own].sums, before, sign=-1)
        if after is not None:
            add_usage(state.parts[after.event.session_own].sums, after, sign=1)
    _resolve(state)


def recount(state: TraceState, before: Fact, after: Fact) -> None:
    """Count an event of the trace as a call no more, or again: what differs adds up, but for the
    extremes of metrics, which stay."""
    part = state.parts[before.event.session_own]
    lost = Part(part.session_own, None, None, [0] * len(SUMS), {}, {})
    n_calls = state.n_calls
    _count(state, lost, before)
    if before.event.metrics != after.event.metrics:
        _see_metrics(lost, before.event)
        _see_metrics(part, after.event)
    state.n_calls = 2 * n_calls - state.n_calls
    _take(part, lost)
    _count(state, part, after)


def exchange(
    state: TraceState,
    lost: Iterable[Fact],
    gained: Iterable[Fact],
    *,
    counted: Fact | None,
    wrapper: Fact | None,
) -> None:
    """Take events from the state of a trace whose other events are not all stored any more, and
    add others.

    Sums are exact. What picks an event (claims, times, extremes) keeps what it picked.
    ``counted``: the wrapper whose tokens are among the sums. ``wrapper``: what is stored of the one
    that the state picked; it counts where no call is left.
    """
    if counted is not None:
        add_usage(state.parts[counted.event.session_own].sums, counted, sign=-1)
    state.wrapper = None
    _unfold(state, lost)
    for fact in gained:
        _add(state, fact)
    key = state.wrapper_key
    if state.wrapper is None and wrapper is not None and key and key[1:] == wrapper.event_key:
        state.wrapper = wrapper
    if (wrapper := state.counted_wrapper) is not None:
        add_usage(state.parts[wrapper.event.session_own].sums, wrapper, sign=1)
    _resolve(state)


def _unfold(state: TraceState, lost: Iterable[Fact]) -> None:
    gone = TraceState(state.trace_id)
    for fact in lost:
        _add(gone, fact)
        if state.wrapper_key is not None and state.wrapper_key[1:] == fact.event_key:
            state.wrapper_key = None
    state.n_calls -= gone.n_calls
    for own, less in gone.parts.items():
        if (part := state.parts.get(own)) is not None:
            _take(part, less)
            if not part.sums[SPANS] and not part.sums[POINTS]:
                del state.parts[own]


def _take(part: Part, lost: Part) -> None:
    part.sums = [a - b for a, b in zip(part.sums, lost.sums, strict=True)]
    for name, less in lost.metrics.items():
        if (metric := part.metrics.get(name)) is not None:
            metric.n -= less.n
            metric.total -= less.total
            metric.squares -= less.squares
    for arm, seen in lost.arms.items():
        if arm in part.arms:
            part.arms[arm].n -= seen.n
    part.metrics = {name: metric for name, metric in part.metrics.items() if metric.n > 0}
    part.arms = {arm: seen for arm, seen in part.arms.items() if seen.n > 0}


def _add(state: TraceState, fact: Fact) -> None:
    event = fact.event
    part = state.parts.get(event.session_own)
    if part is None:
        part = Part(event.session_own, None, None, [0] * len(SUMS), {}, {})
        state.parts[event.session_own] = part
    _count(state, part, fact)
    if not event.is_score:
        _extend(state, part, event)
        _claim(state, fact)
    if event.arms:
        _see_arms(part, event)
    if event.metrics:
        _see_metrics(part, event)


def _extend(state: TraceState, part: Part, event: IncomingEvent) -> None:
    start = event.occurred_us
    end = start + (event.duration_us or 0)
    if part.first_us is None or start < part.first_us:
        part.first_us = start
    if part.last_us is None or end > part.last_us:
        part.last_us = end
    if state.first_us is None or start < state.first_us:
        state.first_us = start
    if state.last_us is None or end > state.last_us:
        state.last_us = end


def _count(state: TraceState, part: Part, fact: Fact) -> None:
    event = fact.event
    sums, kind = part.sums, event.kind
    failed = event.status == _ERROR
    if event.duration_us is None:
        sums[POINTS] += 1
    else:
        sums[SPANS] += 1
        if failed and not event.parent_span_id:
            sums[ROOT_ERRORS] += 1
    if failed:
        sums[ERRORS] += 1
    if kind in CALL_KINDS:
        state.n_calls += 1
        if kind == _LLM:
            sums[LLM] += 1
            sums[LLM_US] += event.duration_us or 0
        add_usage(sums, fact, sign=1)
    elif kind == _TOOL:
        sums[TOOL] += 1
        sums[TOOL_ERRORS] += failed


def _claim(state: TraceState, fact: Fact) -> None:
    event = fact.event
    key = (event.parent_span_id != "", event.occurred_us, event.id)
    if event.session_own and (state.claim is None or key < state.claim):
        state.claim, state.claim_session = key, event.session_own
    if event.user_own and (state.user is None or key < state.user):
        state.user, state.claim_user = key, event.user_own
    if event.duration_us is None:
        return
    if state.root is None or key < state.root:
        state.root, state.name, state.root_status = key, event.name, event.status
    if event.kind in CALL_KINDS or (fact.tie is not None and fact.tie.same_as):
        if state.reporter is None or event.origin < state.reporter:
            state.reporter = event.origin
    elif is_wrapper(fact) and (state.wrapper_key is None or key < state.wrapper_key):
        state.wrapper_key, state.wrapper = key, fact


def by_trace(facts: Iterable[Fact]) -> dict[str, list[Fact]]:
    """Group by trace. Points that belong to no trace touch rollups only."""
    groups: defaultdict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        if fact.event.trace_id:
            groups[fact.event.trace_id].append(fact)
    return groups


def is_wrapper(fact: Fact) -> bool:
    """Whether a span that is no model call carries usage: that of its children, said again."""
    event = fact.event
    return event.kind not in CALL_KINDS and (
        event.tokens_in is not None or event.tokens_out is not None or fact.cost_nano is not None
    )


def is_unpriced(fact: Fact) -> bool:
    """Whether nobody knows what a call, or the wrapper that stands for some, cost.

    One that used no token cost nothing. One that went well and says nothing of tokens cost
    something.
    """
    event = fact.event
    if fact.cost_nano is not None:
        return False
    if event.tokens_in is None and event.tokens_out is None:
        return event.kind in CALL_KINDS and event.status != _ERROR
    return bool(event.tokens_in or event.tokens_out)


def add_usage(counts: list[int], fact: Fact, *, sign: int, at: int = TOKENS) -> None:
    """Add tokens by kind, money, and whether that is unknown, to the seven counts that begin
    ``at`` a place."""
    event = fact.event
    if event.tokens_in:
        counts[at] += sign * event.tokens_in
    if event.tokens_out:
        counts[at + 1] += sign * event.tokens_out
    if event.tokens_cache_read:
        counts[at + 2] += sign * event.tokens_cache_read
    if event.tokens_cache_write:
        counts[at + 3] += sign * event.tokens_cache_write
    if event.tokens_reasoning:
        counts[at + 4] += sign * event.tokens_reasoning
    if fact.cost_nano:
        counts[at + 5] += sign * fact.cost_nano
    elif is_unpriced(fact):
        counts[at + 6] += sign


def _see_arms(part: Part, event: IncomingEvent) -> None:
    at = event.occurred_us
    for experiment, variant in event.arms:
        arm = (experiment, variant, event.run_id)
        seen = part.arms.get(arm)
        if seen is None:
            part.arms[arm] = Sighting(1, at, at)
        else:
            seen.n += 1
            seen.first_us = min(seen.first_us, at)
            seen.last_us = max(seen.last_us, at)


def _see_metrics(part: Part, event: IncomingEvent) -> None:
    # ai-experiments says a run's metric twice; at the same time metric.computed is the later word.
    key = (event.occurred_us, int(event.name == "metric.computed"), event.id)
    for name, said in event.metrics:
        value = float(said)  # jsonb gives a great one back as a whole number, of exact squares
        if abs(value) > GREATEST_METRIC:
            continue
        new = Metric(1, value, value * value, value, value, value, key)
        if (known := part.metrics.get(name)) is None:
            part.metrics[name] = new
        else:
            known.add(new)


def _resolve(state: TraceState) -> None:
    for part in state.parts.values():
        if part.session_own:
            part.session_id, part.is_implicit = part.session_own, False
        elif state.claim is not None:
            part.session_id, part.is_implicit = state.claim_session, False
        else:
            part.session_id, part.is_implicit = f"trace:{state.trace_id}", True

"""The one shape every adapter produces. Pure.

An adapter turns an item of any wire format into an :class:`IncomingEvent`; nothing after it knows
which format an event came in. Times are whole microseconds since 1970 UTC, durations whole
microseconds, tokens whole numbers, money US dollars as sent. Text that is absent is ``""``.
"""

import enum

import msgspec


class Kind(enum.IntEnum):
    """What was observed. A point has no duration; everything else is a span."""

    EVENT = 0
    LLM = 1
    TOOL = 2
    AGENT = 3
    CHAIN = 4
    RETRIEVER = 5
    EMBEDDING = 6
    EVALUATOR = 7
    GUARDRAIL = 8


class Status(enum.IntEnum):
    UNSET = 0
    OK = 1
    ERROR = 2


CALL_KINDS = frozenset({Kind.LLM, Kind.EMBEDDING})
"""Kinds whose tokens and money count; other spans that carry tokens repeat their children's."""

SCORE = "score"
"""The operation of points that judge something. They are no activity of what they judge."""


class Payload(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What no column holds: stored compressed, several spans to a block.

    ``input``, ``output`` and ``system`` are the texts as they came (JSON texts stay the very
    strings that were sent). ``attributes`` holds every attribute that no column and no slot holds,
    ``span_events`` and ``links`` the span's own as ``[name, ns, attributes]`` and
    ``[trace id, span id, attributes]``; ``extra`` what the wire format has beside attributes
    (flags, trace state, dropped counts, span kind).
    """

    input: str | None = None
    output: str | None = None
    system: str | None = None
    attributes: dict[str, object] | None = None
    span_events: list[object] | None = None
    links: list[object] | None = None
    extra: dict[str, object] | None = None


EMPTY_PAYLOAD = Payload()


class Evaluation(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A judgement that a span carries. It becomes a score of what it judges, and is no part of the
    stored event (tracking.adapters.span_scores)."""

    name: str
    value: float | bool | str
    source: str  # user | human | judge | code
    key: str  # tells it from the others of its span
    identifier: str = ""  # tells it from all others of its name and target, wherever it is said
    comment: str = ""
    at_us: int | None = None  # None: the end of its span
    scope: str = "span"  # span | trace | session
    of_link: bool = True  # an evaluator's: of the span that it links to
    rest: dict[str, object] = {}


class IncomingEvent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One span or point, only what it said itself."""

    id: bytes  # 16 bytes, see tracking.identity
    occurred_us: int
    duration_us: int | None = None  # None: a point
    ns_rest: int = 0  # start ns % 1000 * 1000 + end ns % 1000
    content_rank: int  # signed 64-bit hash of the content: the greater of two re-sent items wins
    kind: int = 0
    status: int = 0
    name: str  # a span's name, a point's type
    trace_id: str = ""
    span_id: str = ""
    parent_span_id: str = ""
    session_own: str = ""
    user_own: str = ""
    run_id: str = ""
    environment: str = ""
    release: str = ""
    config_key: str = ""
    config_version: str = ""
    prompt_key: str = ""
    prompt_version: str = ""
    provider: str = ""
    model_requested: str = ""
    model: str = ""  # the model that answered; the requested one when the answer names none
    operation: str = ""
    error_type: str = ""
    error: str = ""  # the message, at most 500 characters; the whole is in the payload
    finish_reason: str = ""
    ttft_us: int | None = None
    tokens_in: int | None = None  # all input tokens, cached ones included
    tokens_out: int | None = None  # all output tokens, reasoning included
    tokens_cache_read: int | None = None
    tokens_cache_write: int | None = None
    tokens_reasoning: int | None = None
    cost_reported: float | None = None
    metrics: tuple[tuple[str, float], ...] = ()  # (name, finite value): metric_value, duration, …
    arms: tuple[tuple[str, str], ...] = ()  # (experiment, variant), sorted
    tags: tuple[str, ...] = ()
    metadata: str = ""  # JSON text of a small flat object: what pages filter on
    warnings: tuple[str, ...] = ()  # codes, e.g. "clock_ahead"
    seen: int = (
        0  # bit n: attribute n of the dialect table was sent and its column or slot holds it
    )
    origin: int = 0  # signed 64-bit hash of resource and scope, 0 when there is none
    map_version: int = 0  # of the dialect tables; 0: not mapped by them
    needs_clock: bool = (
        False  # the item had no usable time: the time of first receipt is kept for it
    )
    payload: Payload = EMPTY_PAYLOAD
    evaluations: tuple[Evaluation, ...] = ()  # handed on as scores, not stored

    @property
    def is_score(self) -> bool:
        return self.operation == SCORE and self.duration_us is None


def rank_of(event: IncomingEvent) -> tuple[int, int]:
    """Of two contents of one identity the one that ended later wins, then the greater hash."""
    return event.occurred_us + (event.duration_us or 0), event.content_rank


class Rejection(msgspec.Struct, frozen=True):
    """An item refused at the door. The same body gives the same rejections when it is digested."""

    index: int
    code: str
    message: str


class Failure(msgspec.Struct, frozen=True):
    """An item that was accepted but could not be understood: goes to quarantine, alone."""

    index: int
    reason: str
    body: bytes  # the item alone, as a request body of the same format


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a thing that is understood only whole: of a run, an exchange, a stream, a score.

    The pieces with the same ``system`` and ``key`` make up one document, whose events are derived
    from all of them (tracking.documents). Pieces of equal ``body`` are one piece.
    """

    system: str  # a name of tracking.adapters.DERIVERS
    key: str  # at most 512 bytes
    body: bytes  # JSON, in one canonical form: equal pieces have equal bytes
    received_us: int
    moments: tuple[int, ...] = ()  # times of its events, as far as it names them
    is_counted: bool = True  # False: it comes of an item that the ledger counts already
    is_put_off: bool = False  # it waited for others of its document, and does so once


EVENT_FORMAT = "assay-event"
"""An event as normalised already: what is left when PostgreSQL refuses it."""

PART_FORMAT = "assay-part"
"""A part that could not be understood with the others, as JSON of its struct."""

PARTS_FORMAT = "assay-parts"
"""Parts that come of events, handed on by digest itself."""

OWN_FORMATS = frozenset({EVENT_FORMAT, PART_FORMAT, PARTS_FORMAT})
"""What nobody sends: their items were counted when they came."""


class Derived(msgspec.Struct, frozen=True):
    """What all the parts of a document mean.

    ``summary`` is what lists show of it: a small flat object. ``first_us`` and ``last_us`` place it
    in a list; without events they are the receipt of its parts.
    """

    events: list[IncomingEvent]
    summary: dict[str, object] = {}


class Batch(msgspec.Struct, frozen=True):
    """What one body holds: every item is an event, a part, a rejection or a failure."""

    events: list[IncomingEvent]
    rejections: list[Rejection]
    failures: list[Failure]
    origins: dict[int, bytes]  # hash -> JSON of resource and scope
    parts: list[Part] = []


class Receipt(msgspec.Struct, frozen=True):
    """What was known when a body was accepted. Normalising depends on nothing else."""

    received_us: int
    horizon_us: int  # items older than this are rejected as expired
    headers: dict[str, str] = {}


class BadBodyError(ValueError):
    """The body as a whole cannot be read. The message says what and where, for the sender."""

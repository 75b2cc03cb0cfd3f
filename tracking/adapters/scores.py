"""Scores, ratings and judgements sent as JSON, to parts of documents. Pure.

A score is a document: whatever was said under one id are its parts, and the latest word counts. So
a score may be changed, and what it added before is taken back exactly.
"""

import math
from collections import Counter
from collections.abc import Iterator, Sequence

import msgspec

from tracking.adapters.analytics_envelope import (
    SPAN_ID_KEYS,
    TRACE_ID_KEYS,
    expired_text,
    id_among,
    wire_id,
)
from tracking.adapters.analytics_points import SESSION_KEYS, SESSION_TRACE
from tracking.adapters.analytics_times import BadTimeError, parse_time
from tracking.adapters.json_items import (
    NUMBER_AS_TEXT,
    BodyForm,
    FaultError,
    Item,
    is_too_deep,
    parse_items,
)
from tracking.adapters.near_forms import hint_at, hint_at_list
from tracking.cleaning import MAX_NAME_BYTES, clean_name, clean_text
from tracking.events import (
    SCORE,
    BadBodyError,
    Batch,
    Derived,
    IncomingEvent,
    Kind,
    Part,
    Payload,
    Receipt,
    Rejection,
)
from tracking.folding import GREATEST_METRIC
from tracking.identity import content_identity, content_rank, given_identity
from tracking.timestamps import is_expired, settle_moment

SYSTEM = "score"
METRIC = "score:"
SOURCES = ("user", "human", "judge", "code")
DEFAULT_SOURCE = "code"
MAX_NAME = 200
MAX_COMMENT = 50_000
IMPLICIT = "trace:"  # how the session of a trace that names none is called
USER_TRACE = "user:"
SPAN_TRACE = "span:"
EXAMPLE = '{"session_id": "s-1", "name": "helpful", "value": true, "source": "user"}'
SCORES_TO_SEND = f"send a score like {EXAMPLE}, an array of them, or one a line"

RUN_KEYS = ("run_id", "runId")
USER_KEYS = ("user_id", "userId")
TARGET_KEYS = (*SESSION_KEYS, *TRACE_ID_KEYS, *SPAN_ID_KEYS, *RUN_KEYS, *USER_KEYS)
PAGE_KEY = "x-assay-page-key"
PAGE_SOURCE = "user"
"""Who judges with a key that stands in a page, whatever the page says."""

_TOLD = frozenset({*TARGET_KEYS, "name", "value", "comment", "source", "id", "at", "timestamp"})
_encode = msgspec.json.Encoder(order="deterministic").encode


class Said(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One word about one thing: the body of a part, as JSON with sorted keys."""

    name: str
    value: float | bool | str
    source: str
    comment: str = ""
    at_us: int | None = None  # None: the time of its receipt
    trace_id: str = ""
    span_id: str = ""
    session_id: str = ""
    run_id: str = ""
    user_id: str = ""
    rest: dict[str, object] = {}  # keys that mean nothing here
    warnings: tuple[str, ...] = ()
    teller: str = ""  # the event that carried it, "" for what was sent as a score
    version: tuple[int, int] = (0, 0)  # rank of the teller's content: its latest word counts
    is_gone: bool = False  # from this version on the teller says it no more

    @property
    def target(self) -> str:
        """What is judged: the narrowest thing named."""
        for kind in ("span", "trace", "run", "session"):
            if getattr(self, f"{kind}_id"):
                return kind
        return "user"

    @property
    def trace(self) -> str:
        """The trace its event belongs to; what is no trace has one that holds scores alone."""
        if self.trace_id or self.run_id:
            return self.trace_id or self.run_id
        if self.span_id:
            return clean_name(SPAN_TRACE + self.span_id)
        if self.session_id.startswith(IMPLICIT):
            return self.session_id.removeprefix(IMPLICIT)
        if self.session_id:
            return clean_name(SESSION_TRACE + self.session_id)
        return clean_name(USER_TRACE + self.user_id)

    @property
    def session_own(self) -> str:
        return "" if self.session_id.startswith(IMPLICIT) else self.session_id

    @property
    def metric(self) -> tuple[str, float]:
        """The number that sessions and experiments add up; a label is counted."""
        if isinstance(self.value, str):
            return clean_name(f"{METRIC}{self.name}={self.value}"), 1.0
        return METRIC + self.name, float(self.value)


def check(body: bytes, *, receipt: Receipt) -> tuple[int, list[Rejection]]:
    """Count the items of a body and say which are refused; raise BadBodyError for all of it."""
    items = parse_items(body, FORM)
    opened = _open(items, receipt)
    return len(items), [each for each in opened if isinstance(each, Rejection)]


def read(body: bytes, *, receipt: Receipt) -> Batch:
    batch = Batch(events=[], rejections=[], failures=[], origins={}, parts=[])
    request_id = receipt.headers.get("idempotency-key", "")
    page_key = receipt.headers.get(PAGE_KEY, "")
    equals: Counter[bytes] = Counter()
    items = parse_items(body, FORM)
    for index, opened in enumerate(_open(items, receipt)):
        if isinstance(opened, Rejection):
            batch.rejections.append(opened)
            continue
        content = _encode(opened)
        given = id_among(_object_of(items[index]), ("id",))
        if given and page_key:
            given = f"{page_key}:{given}"  # a visitor of a page overwrites no reviewer's score
        place = f"{request_id}\0{index}" if request_id else ""
        batch.parts.append(
            Part(
                system=SYSTEM,
                key=clean_name(given) if given else _name_of(content, place, equals),
                body=content,
                received_us=receipt.received_us,
                moments=() if opened.at_us is None else (opened.at_us,),
            )
        )
    return batch


def derive(key: str, parts: Sequence[Part]) -> Derived:
    """The latest word by its own time, then by receipt, then by content; of what spans carry, those
    of their latest versions alone. Nothing where all have taken theirs back."""
    words = _standing([(part, msgspec.json.decode(part.body, type=Said)) for part in parts])
    if not words:
        return Derived([])
    part, said = max(words, key=lambda word: (_settle(*word)[0], word[0].received_us, word[0].body))
    at_us, warnings = _settle(part, said)
    event = IncomingEvent(
        id=given_identity(f"{SYSTEM}\0{key}"),
        occurred_us=at_us,
        content_rank=content_rank(part.body),
        kind=int(Kind.EVALUATOR),
        name=SYSTEM,
        operation=SCORE,
        trace_id=said.trace,
        parent_span_id=said.span_id,
        session_own=said.session_own,
        user_own=said.user_id if said.target == "user" else "",
        run_id=said.run_id,
        metrics=(said.metric,),
        warnings=tuple(sorted({*warnings, *said.warnings})),
        payload=Payload(attributes=_attributes_of(said)),
    )
    return Derived([event], _summary_of(key, said))


def _settle(part: Part, said: Said) -> tuple[int, tuple[str, ...]]:
    """When a word was said, and warnings. One of a clock far ahead was said when it was received:
    else no later word would ever count."""
    receipt = Receipt(part.received_us, 0)
    at_us, _, warnings = settle_moment(said.at_us or part.received_us, receipt)
    return at_us, warnings


def _standing(words: list[tuple[Part, Said]]) -> list[tuple[Part, Said]]:
    latest: dict[str, tuple[int, int]] = {}
    for _, said in words:
        if said.teller:
            latest[said.teller] = max(said.version, latest.get(said.teller, said.version))
    if not latest:
        return words
    # Words of nobody among others were kept before tellers were: theirs are here, too.
    told = [(part, said) for part, said in words if said.version == latest.get(said.teller)]
    return [(part, said) for part, said in told if not said.is_gone]


def _attributes_of(said: Said) -> dict[str, object]:
    facts = {"name": said.name, "value": said.value, "source": said.source}
    return {**facts, **({"comment": said.comment} if said.comment else {}), **said.rest}


def _summary_of(key: str, said: Said) -> dict[str, object]:
    names = ("span_id", "session_id", "session_own", "run_id", "user_id")
    named = {name: getattr(said, name) for name in names}
    return {
        "target": said.target,
        "name": said.name,
        "value": said.value,
        "source": said.source,
        "comment": said.comment,
        "trace_id": said.trace,
        **{name: value for name, value in named.items() if value},
    }


def _items_of(value: object) -> list[object]:
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        raise BadBodyError(f"the body is neither an object nor an array: {SCORES_TO_SEND}")
    held = value.get("scores")
    if held is None:
        return [value]
    if not isinstance(held, list):
        raise BadBodyError('"scores" must be an array of scores')
    return held


FORM = BodyForm(SCORES_TO_SEND, _items_of, "scores", lambda value: "name" in value)


def _object_of(item: Item) -> dict[str, object]:
    return item.value if isinstance(item.value, dict) else {}


def _name_of(content: bytes, place: str, equals: Counter[bytes]) -> str:
    """Name a score without an id by its place in a request that has an identity, else by what it
    says and its ordinal among equals."""
    if place:
        return f"request:{given_identity(place).hex()}"
    ordinal = equals[content]
    equals[content] += 1
    return f"content:{content_identity(content, ordinal).hex()}"


def _open(items: list[Item], receipt: Receipt) -> Iterator[Said | Rejection]:
    for index, item in enumerate(items):
        try:
            yield _read_item(item, receipt)
        except FaultError as error:
            yield Rejection(index, error.fault.code, error.fault.message)


def _read_item(item: Item, receipt: Receipt) -> Said:
    if item.fault is not None:
        raise FaultError(*item.fault)
    if not isinstance(item.value, dict):
        raise FaultError("not_an_object", f"a score is an object like {EXAMPLE}")
    value: dict[str, object] = item.value
    if is_too_deep(value):
        raise FaultError("too_deep", "a score is nested too deep")
    named = _target_of(value)
    said = Said(
        trace_id=named["trace_id"],
        span_id=named["span_id"],
        session_id=named["session_id"],
        run_id=named["run_id"],
        user_id=named["user_id"],
        name=_read_name(value),
        value=_read_value(value, item.warnings),
        source=PAGE_SOURCE if receipt.headers.get(PAGE_KEY) else _read_source(value),
        comment=_read_comment(value),
        at_us=_read_time(value, receipt),
        rest={key: each for key, each in value.items() if key not in _TOLD},
        warnings=item.warnings,
    )
    if not (said.trace_id or said.span_id or said.session_id or said.run_id or said.user_id):
        wanted = "session_id, trace_id, span_id, run_id or user_id"
        raise FaultError("target_missing", f"a score needs what it judges: {wanted}")
    return said


def _target_of(value: dict[str, object]) -> dict[str, str]:
    return {
        "trace_id": wire_id(id_among(value, TRACE_ID_KEYS)),
        "span_id": wire_id(id_among(value, SPAN_ID_KEYS)),
        "session_id": clean_name(id_among(value, SESSION_KEYS)),
        "run_id": clean_name(id_among(value, RUN_KEYS)),
        "user_id": clean_name(id_among(value, USER_KEYS)),
    }


def _read_name(value: dict[str, object]) -> str:
    name = value.get("name")
    if not isinstance(name, str) or not name.strip():
        hint = hint_at_list(value, "scores") or hint_at("name", value)
        raise FaultError(
            "name_missing", f'"name" must be a text that is not empty, as in {EXAMPLE}{hint}'
        )
    name = clean_text(name.strip())
    if len(name.encode()) > MAX_NAME:
        raise FaultError("name_too_long", f'"name" is longer than {MAX_NAME} bytes')
    return name


def _read_value(value: dict[str, object], warnings: tuple[str, ...]) -> float | bool | str:
    held = value.get("value")
    if isinstance(held, bool):
        return held
    if NUMBER_AS_TEXT in warnings and isinstance(held, str) and _is_odd_number(held):
        raise FaultError("value_invalid", f'"value" is {held[:20]}: a score is a finite number')
    if isinstance(held, int | float):
        if abs(held) > GREATEST_METRIC:
            raise FaultError("value_invalid", f'"value" is beyond ±{GREATEST_METRIC:g}')
        return float(held)
    if not isinstance(held, str) or not held.strip():
        wanted = "a number, true or false, or a text that is not empty"
        raise FaultError("value_invalid", f'"value" must be {wanted}{hint_at("value", value)}')
    label = clean_text(held.strip())
    if len(label.encode()) > MAX_NAME_BYTES:
        raise FaultError("value_invalid", f'"value" is a text of more than {MAX_NAME_BYTES} bytes')
    return label


def _is_odd_number(text: str) -> bool:
    """NaN, Infinity or a number beyond all, which stood there without quotes: no label."""
    try:
        return not math.isfinite(float(text))
    except ValueError:
        return False


def _read_source(value: dict[str, object]) -> str:
    source = value.get("source")
    if source is None or source == "":
        return DEFAULT_SOURCE
    if not isinstance(source, str) or source not in SOURCES:
        raise FaultError("source_unknown", f'"source" must be one of {", ".join(SOURCES)}')
    return source


def _read_comment(value: dict[str, object]) -> str:
    comment = value.get("comment")
    if comment is None:
        return ""
    if not isinstance(comment, str):
        raise FaultError("comment_invalid", '"comment" must be a text')
    if len(comment) > MAX_COMMENT:
        raise FaultError("comment_too_long", f'"comment" is longer than {MAX_COMMENT:,} characters')
    return clean_text(comment)


def _read_time(value: dict[str, object], receipt: Receipt) -> int | None:
    name = "at" if value.get("at") is not None else "timestamp"
    try:
        at_ns = parse_time(value.get(name))
    except BadTimeError as error:
        raise FaultError("timestamp_invalid", f'"{name}": {error}') from None
    if at_ns is None or at_ns <= 0:
        return None
    if is_expired(at_ns // 1000, receipt):
        raise FaultError("expired", expired_text(at_ns // 1000, receipt))
    return at_ns // 1000

"""Requests of all formats, a known share of them poison or sent again, and what must become of it.

The law they prove: sent = stored + duplicate + rejected + quarantined, each as large as it must be.
"""

import datetime
import heapq
import itertools
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.benchmarks.attributes import Attributes
from tests.tracking.adapters.otlp_building import json_request, make_request, make_span

POISON_SHARE, AGAIN_SHARE = 0.05, 0.20
REFUSED_SHARE = 0.97  # of the poison; PostgreSQL refuses the rest
REQUEST_ITEMS = 60
AGAIN_WITHIN = 0.1  # of all items lie between an item and its repetition, at most

REFUSED, UNSTORABLE = "refused", "unstorable"
CALL, ANSWER, POINT = "ledger.call", "ledger.answer", "ledger.point"
REFUSE_UNSTORABLE = (
    "ALTER TABLE tracking_event ADD CONSTRAINT tests_unstorable"
    f" CHECK (name <> '{UNSTORABLE}') NOT VALID"
)
"""Nothing that clients send is refused by our tables: one rule more makes them refuse something."""


@dataclass(frozen=True, slots=True)
class Item:
    number: int
    poison: str = ""  # REFUSED at the door, or UNSTORABLE for PostgreSQL


@dataclass(frozen=True, slots=True)
class Request:
    path: str
    content_type: str
    body: bytes
    n_items: int


@dataclass
class Mix:
    """``n_items`` items as requests; ``due`` says what becomes of those that were taken so far."""

    n_items: int
    seed: int
    end: datetime.datetime  # times of good items are in the hour before
    due: Counter[str] = field(default_factory=Counter)
    n_events: int = 0  # events that these items are; a document's are not counted

    def requests(self) -> Iterator[Request]:
        waiting: dict[str, list[Item]] = {name: [] for name in BODIES}
        seen: set[int] = set()
        for item in self._items():
            name = FORMATS[item.number % len(FORMATS)]
            if name not in NAMED and item.poison == UNSTORABLE:
                item = Item(item.number, REFUSED)
            items = waiting[name]
            items.append(item)
            if len(items) == REQUEST_ITEMS:
                yield self._close(name, items, seen)
        for name, items in waiting.items():
            if any(not item.poison for item in items):
                yield self._close(name, items, seen)

    def _close(self, name: str, items: list[Item], seen: set[int]) -> Request:
        path, content_type, build = BODIES[name]
        for item in items:
            fate = _fate(item, seen)
            self.due.update(("sent", fate))
            if fate == "stored" and name in NAMED:
                self.n_events += 1
            seen.add(item.number)
        request = Request(path, content_type, build(items, self.end), len(items))
        items.clear()
        return request

    def _items(self) -> Iterator[Item]:
        """New items, and among them those that are sent again, some within one request."""
        rng = random.Random(self.seed)
        numbers = itertools.count(self.seed * 100_000_000)
        again: list[tuple[int, int, Item]] = []
        farthest = max(1, int(AGAIN_WITHIN * self.n_items))
        for position in range(self.n_items):
            if again and again[0][0] <= position:
                yield heapq.heappop(again)[2]
                continue
            item = Item(next(numbers), _poison(rng))
            # A fifth of all that is sent: a quarter of what is new. What PostgreSQL refuses is not
            # sent again: two in one transaction are one, and who shares it is a matter of chance.
            if item.poison != UNSTORABLE and rng.random() < AGAIN_SHARE / (1 - AGAIN_SHARE):
                due = position + rng.randint(1, farthest)
                heapq.heappush(again, (due, item.number, item))
            yield item


def _poison(rng: random.Random) -> str:
    if rng.random() >= POISON_SHARE:
        return ""
    return REFUSED if rng.random() < REFUSED_SHARE else UNSTORABLE


def _fate(item: Item, seen: set[int]) -> str:
    if item.poison:
        return "rejected" if item.poison == REFUSED else "quarantined"
    return "duplicate" if item.number in seen else "stored"


def _moment(item: Item, end: datetime.datetime) -> datetime.datetime:
    return end - datetime.timedelta(milliseconds=1 + item.number * 7919 % 3_600_000)


def _name(item: Item, usual: str) -> str:
    return UNSTORABLE if item.poison == UNSTORABLE else usual


OTLP_REFUSED: tuple[dict[str, Any], ...] = (
    {"trace_id": bytes(16)},
    {"trace_id": b"1234"},
    {"span_id": bytes(8)},
    {"start_time_unix_nano": 10**18, "end_time_unix_nano": 10**18 + 1},
)


def _otlp(items: list[Item], end: datetime.datetime) -> ExportTraceServiceRequest:
    spans = []
    for item in items:
        start = int(_moment(item, end).timestamp() * 1e6) * 1000
        fields = {
            "trace_id": (item.number // 12).to_bytes(16, "big"),
            "span_id": (item.number + 1).to_bytes(8, "big"),
            "name": _name(item, CALL),
            "start_time_unix_nano": start,
            "end_time_unix_nano": start + 800_000_000,
        }
        if item.poison == REFUSED:
            fields |= OTLP_REFUSED[item.number % len(OTLP_REFUSED)]
        spans.append(make_span(_call(item), **fields))
    return make_request(*spans, resource={"service.name": "ledger"})


def _call(item: Item) -> Attributes:
    return {
        "session.id": f"session-{item.number // 120}",
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.usage.input_tokens": 100 + item.number % 900,
        "gen_ai.usage.output_tokens": item.number % 200,
        "gen_ai.input.messages": f'[{{"role": "user", "content": "question {item.number}"}}]',
        "assay.experiment": "tone",
        "assay.variant": "warm" if item.number % 2 else "plain",
    }


def _protobuf(items: list[Item], end: datetime.datetime) -> bytes:
    return _otlp(items, end).SerializeToString()


def _json(items: list[Item], end: datetime.datetime) -> bytes:
    return json_request(_otlp(items, end))


EVENTS_REFUSED = (
    "5",
    '{"type": "", "data": {}}',
    '{"type": "a", "timestamp": "soon", "data": {}}',
    '{"type": "a", "timestamp": "1999-01-01T00:00:00Z", "data": {}}',
    '{"type": "span", "data": {"span_id": "s"}}',
    '{"type": "a", "type": "b", "data": {}}',
)


def _events(items: list[Item], end: datetime.datetime) -> bytes:
    return f"[{','.join(_event(item, end) for item in items)}]".encode()


def _lines(items: list[Item], end: datetime.datetime) -> bytes:
    return "\n".join(_event(item, end) for item in items).encode()


def _event(item: Item, end: datetime.datetime) -> str:
    """A span or a point, by turns."""
    if item.poison == REFUSED:
        return EVENTS_REFUSED[item.number // len(FORMATS) % len(EVENTS_REFUSED)]
    moment = _moment(item, end)
    if item.number // len(FORMATS) % 2:
        data: dict[str, Any] = {
            "trace_id": f"trace-{item.number // 12}",
            "span_id": f"span-{item.number}",
            "name": _name(item, ANSWER),
            "kind": "llm",
            "start": moment.isoformat(),
            "end": (moment + datetime.timedelta(milliseconds=700)).isoformat(),
            "model": "gpt-4o",
            "tokens": {"input": 10, "output": 20},
        }
        return json.dumps({"type": "span", "data": data})
    run = {"experimentId": "tone", "variantId": "warm", "runId": f"run-{item.number // 40}"}
    return json.dumps(
        {
            "id": f"point-{item.number}",
            "type": _name(item, POINT),
            "timestamp": moment.isoformat(),
            "data": {**run, "metricValue": item.number % 100 / 100},
        }
    )


SCORES_REFUSED = ("7", '{"session_id": "s"}', '{"name": "helpful", "value": 1}')


def _scores(items: list[Item], end: datetime.datetime) -> bytes:
    return "\n".join(_score(item, end) for item in items).encode()


def _score(item: Item, end: datetime.datetime) -> str:
    if item.poison:
        return SCORES_REFUSED[item.number // len(FORMATS) % len(SCORES_REFUSED)]
    return json.dumps(
        {
            "id": f"score-{item.number}",
            "session_id": f"session-{item.number // 120}",
            "name": "helpful",
            "value": item.number % 5,
            "at": _moment(item, end).isoformat(),
        }
    )


def _turns(items: list[Item], end: datetime.datetime) -> bytes:
    """Events of runs, several of one run in a request."""
    return "\n".join(_turn(item, end) for item in items).encode()


def _turn(item: Item, end: datetime.datetime) -> str:
    if item.poison:
        return '{"type": "agent-turn"}'
    usage = {"usd": 0.001, "inputTokens": 120, "outputTokens": 40, "totalTokens": 160}
    return json.dumps(
        {
            "type": "agent-turn",
            "runId": f"run-of-agents-{item.number // 120}",
            "at": _moment(item, end).isoformat(),
            "agentId": f"agent-{item.number}",
            "role": "planner",
            "input": "decide",
            "output": f"decision {item.number}",
            "cost": usage,
        }
    )


def _exchanges(items: list[Item], end: datetime.datetime) -> bytes:
    return json.dumps([_exchange(item, end) for item in items]).encode()


def _exchange(item: Item, end: datetime.datetime) -> Any:
    if item.poison:
        return 5
    ms = int(_moment(item, end).timestamp() * 1000)
    said = {"requestId": f"request-{item.number}", "timestamp": ms}
    answer = {"role": "assistant", "content": f"answer {item.number}"}
    usage = {"promptTokens": 20, "completionTokens": 5, "totalTokens": 25}
    return {
        "request": {
            "messages": [{"role": "user", "content": f"question {item.number}"}],
            "parameters": {"model": "gpt-4o"},
            "metadata": said,
        },
        "response": {
            "message": answer,
            "finishReason": "stop",
            "usage": usage,
            "metadata": {**said, "timestamp": ms + 400},
        },
    }


Build = Callable[[list[Item], datetime.datetime], bytes]
BODIES: dict[str, tuple[str, str, Build]] = {
    "otlp-protobuf": ("/v1/traces", "application/x-protobuf", _protobuf),
    "otlp-json": ("/v1/traces", "application/json", _json),
    "events": ("/api/v1/events", "application/json", _events),
    "json-lines": ("/api/analytics/batch", "application/x-ndjson", _lines),
    "scores": ("/api/v1/scores", "application/x-ndjson", _scores),
    "runs": ("/api/v1/runs", "application/x-ndjson", _turns),
    "chats": ("/api/v1/chats", "application/json", _exchanges),
}
FORMATS = tuple(BODIES)
NAMED = frozenset({"otlp-protobuf", "otlp-json", "events", "json-lines"})
"""Formats of which an item is an event with the name it was given; of the others it is a part."""

"""All requests of the demo, gzipped: spans and logs as OTLP protobuf, all else as JSON."""

import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import TypeVar

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.demo.audience import SessionPlan, plan_sessions
from core.demo.decisions import decisions
from core.demo.dialogue import write_dialogue
from core.demo.evaluations import Judged, evaluations_of
from core.demo.exchanges import chat_items
from core.demo.judgements import Score, quality_of, scores_of, scores_of_runs
from core.demo.missions import run_items
from core.demo.points import Event, rating_of, runs
from core.demo.spans import spans_of_session, to_key_values
from core.demo.tagging import tagging_spans

SESSIONS_A_REQUEST = 40
EVENTS_A_REQUEST = 500
TRACES_PATH = "/v1/traces"
EVENTS_PATH = "/api/v1/events"
SCORES_PATH = "/api/v1/scores"
LOGS_PATH = "/v1/logs"
RUNS_PATH = "/api/v1/runs"
CHATS_PATH = "/api/v1/chats"
RUN_ITEMS_A_REQUEST = 20

T = TypeVar("T")
Written = tuple[SessionPlan, list[Span]]


@dataclass(frozen=True, slots=True)
class DemoRequest:
    path: str
    content_type: str
    body: bytes
    is_gzipped: bool = True  # as the doors of ingestion take it
    once: str = ""  # an Idempotency-Key


def build_requests(now: datetime, seed: int = 1) -> Iterator[DemoRequest]:
    """Yield the same requests for the same time and seed."""
    rng = Random(seed)
    now = now.astimezone(UTC).replace(microsecond=0)
    events = [*runs(now, rng), *decisions(now, Random(seed))]
    scores: list[Score] = []
    judged: list[Judged] = []
    judging = Random(seed + 1)
    for plans in _cut(plan_sessions(now, rng), SESSIONS_A_REQUEST):
        written = [
            (plan, list(spans_of_session(plan, write_dialogue(plan, rng), now=now, rng=rng)))
            for plan in plans
        ]
        yield _traces(written)
        judged.extend(_judged(written))
        events.extend(_ratings(written, rng))
        for plan, ended_at in _ends(written):
            scores.extend(scores_of(plan, ended_at, now=now, rng=judging))
    for batch in _cut(events, EVENTS_A_REQUEST):
        yield _json(EVENTS_PATH, {"events": batch})
    yield _tagging(now, Random(seed + 4))
    yield _evaluations(judged, now=now, rng=judging)
    items = list(run_items(now, Random(seed + 2)))
    scores.extend(scores_of_runs(items, now=now, rng=judging))
    for batch in _cut(scores, EVENTS_A_REQUEST):
        yield _json(SCORES_PATH, batch)
    for part in _cut(items, RUN_ITEMS_A_REQUEST):
        yield _json(RUNS_PATH, part)
    yield _json(CHATS_PATH, list(chat_items(now, Random(seed + 3))))


def _judged(written: list[Written]) -> Iterator[Judged]:
    for plan, spans in written:
        roots = [span for span in spans if not span.parent_span_id]
        if roots:
            yield Judged(max(roots, key=lambda span: span.end_time_unix_nano), quality_of(plan))


def _evaluations(judged: list[Judged], *, now: datetime, rng: Random) -> DemoRequest:
    latest_ns = int(now.timestamp() - 10) * 1_000_000_000
    body = evaluations_of(judged, latest_ns=latest_ns, rng=rng)
    return DemoRequest(LOGS_PATH, "application/x-protobuf", _zip(body))


def _ratings(written: list[Written], rng: Random) -> Iterator[Event]:
    for plan, ended_at in _ends(written):
        rating = rating_of(plan, ended_at, rng)
        if rating is not None:
            yield rating


def _ends(written: list[Written]) -> Iterator[tuple[SessionPlan, datetime]]:
    for plan, spans in written:
        if spans:
            ended_ns = max(span.end_time_unix_nano for span in spans)
            yield plan, datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ended_ns // 10**6)


def _traces(written: list[Written]) -> DemoRequest:
    request = ExportTraceServiceRequest()
    deployments = sorted({(plan.environment, plan.release) for plan, _ in written})
    for environment, release in deployments:
        spans = [
            span
            for plan, spans in written
            if (plan.environment, plan.release) == (environment, release)
            for span in spans
        ]
        resource = {
            "service.name": "support-chat",
            "service.version": release,
            "deployment.environment.name": environment,
        }
        _add_spans(request, resource, "harborpine.support", spans)
    return _otlp(request)


def _tagging(now: datetime, rng: Random) -> DemoRequest:
    request = ExportTraceServiceRequest()
    resource = {"service.name": "catalogue-tags", "deployment.environment.name": "production"}
    _add_spans(request, resource, "harborpine.catalogue", tagging_spans(now, rng))
    return _otlp(request)


def _add_spans(
    request: ExportTraceServiceRequest, resource: dict[str, str], scope: str, spans: Iterable[Span]
) -> None:
    group = request.resource_spans.add()
    group.resource.attributes.extend(to_key_values(resource))
    scoped = group.scope_spans.add()
    scoped.scope.name = scope
    scoped.scope.version = resource.get("service.version", "")
    scoped.spans.extend(spans)


def _otlp(request: ExportTraceServiceRequest) -> DemoRequest:
    body = request.SerializeToString(deterministic=True)
    return DemoRequest(TRACES_PATH, "application/x-protobuf", _zip(body))


def _json(path: str, value: object) -> DemoRequest:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return DemoRequest(path, "application/json", _zip(body))


def _zip(body: bytes) -> bytes:
    return gzip.compress(body, compresslevel=1, mtime=0)


def _cut(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))

"""Evaluations of the demo, as a judge that logs by OpenTelemetry's GenAI conventions sends them."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from core.demo.spans import MS, Value, to_key_values

EVALUATED_SHARE = 0.05
EVENT_NAME = "gen_ai.evaluation.result"
REASONS = {
    "relevant": "Answers what was asked and nothing else.",
    "partly relevant": "Answers the question, then goes on about something else.",
    "off topic": "The question was about something else.",
}


@dataclass(frozen=True, slots=True)
class Judged:
    """The root span of a session's last turn, and how good its answers are, from 0 to 1."""

    span: Span
    quality: float


def evaluations_of(judged: Sequence[Judged], *, latest_ns: int, rng: Random) -> bytes:
    """Return the logs as protobuf: some of what was judged, of what ended before ``latest_ns``."""
    request = ExportLogsServiceRequest()
    records = [
        _record(one, rng)
        for one in judged
        if rng.random() < EVALUATED_SHARE and one.span.end_time_unix_nano < latest_ns
    ]
    group = request.resource_logs.add()
    group.resource.attributes.extend(to_key_values({"service.name": "support-judge"}))
    scope = group.scope_logs.add()
    scope.scope.name = "harborpine.judge"
    scope.log_records.extend(records)
    body: bytes = request.SerializeToString(deterministic=True)
    return body


def _record(one: Judged, rng: Random) -> LogRecord:
    value = round(min(max(rng.gauss(0.45 + 0.5 * one.quality, 0.14), 0.0), 1.0), 2)
    label = "relevant" if value > 0.7 else "partly relevant" if value > 0.4 else "off topic"
    at_ns = one.span.end_time_unix_nano + rng.randrange(800, 4000) * MS
    said: dict[str, Value] = {
        "gen_ai.evaluation.name": "relevance",
        "gen_ai.evaluation.score.value": value,
        "gen_ai.evaluation.score.label": label,
        "gen_ai.evaluation.explanation": REASONS[label],
    }
    return LogRecord(
        time_unix_nano=at_ns,
        observed_time_unix_nano=at_ns,
        event_name=EVENT_NAME,
        trace_id=one.span.trace_id,
        span_id=one.span.span_id,
        attributes=to_key_values(said),
    )

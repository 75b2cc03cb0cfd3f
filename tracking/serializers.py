"""What the read API sends: the builders, and their shapes for the OpenAPI schema.

The rows of ``tracking.shapes`` are the answers; msgspec turns them into JSON values, because traces
of thousands of spans go through here and a serializer takes a hundred times as long.
"""

import base64
import math
from typing import Any

import msgspec
from rest_framework import serializers

from tracking.series import METRICS
from tracking.shapes import SessionDetail, SessionRow, SpanDetail, SpanRow, TraceDetail, TraceRow

Body = dict[str, Any]  # JSON object: values of any type

COST = "US dollars of the calls whose cost is known; null where none is."
UNPRICED = "Calls that are missing in the cost: nobody knows what they cost."


def describe(row: object) -> Body:
    """Turn a row of ``tracking.shapes`` into JSON values; times as ISO 8601 in UTC."""
    body: Body = msgspec.to_builtins(row)
    return body


def describe_session(detail: SessionDetail) -> Body:
    return {
        **describe(detail.session),
        "latency": {"p50": detail.latency_p50_ms, "p95": detail.latency_p95_ms},
        "trace_list": [describe(trace) for trace in detail.traces],
        "hidden_traces": detail.hidden_traces,
    }


def describe_trace(detail: TraceDetail) -> Body:
    return {
        **describe(detail.trace),
        "span_count": detail.trace.spans,
        "spans": [describe(span) for span in detail.spans],
        "hidden_spans": detail.hidden,
    }


def describe_span(detail: SpanDetail) -> Body:
    content = detail.content
    return {
        **describe(detail.span),
        "input": content.input,
        "output": content.output,
        "system": content.system,
        "attributes": to_json(content.attributes),
        "span_events": to_json(content.span_events),
        "links": to_json(content.links),
        "resource": to_json(content.resource),
    }


def to_json(value: object) -> object:
    """Make what clients sent fit for JSON: NaN and infinities as text, bytes as base64."""
    if isinstance(value, dict):
        return {str(key): to_json(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(held) for held in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


# Below: shapes only, for the schema.


class LatencySerializer(serializers.Serializer[object]):
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)
    p99 = serializers.FloatField(allow_null=True)


class TotalsSerializer(serializers.Serializer[object]):
    events = serializers.IntegerField()
    spans = serializers.IntegerField()
    llm_calls = serializers.IntegerField()
    traces = serializers.IntegerField()
    sessions = serializers.IntegerField()
    users = serializers.IntegerField(allow_null=True)
    estimated = serializers.ListField(
        child=serializers.ChoiceField(choices=["traces", "sessions", "users"]),
        help_text="estimates: of more than 20,000 traces, or 10,000 and one environment",
    )
    errors = serializers.IntegerField()  # type: ignore[assignment]  # a field named as DRF's property
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    cost_usd = serializers.FloatField(allow_null=True, help_text=COST)
    unpriced_calls = serializers.IntegerField(help_text=UNPRICED)
    latency = LatencySerializer()


class BucketSerializer(serializers.Serializer[object]):
    at = serializers.DateTimeField()
    values = serializers.DictField(child=serializers.FloatField(allow_null=True))


class SeriesSerializer(serializers.Serializer[object]):
    metric = serializers.ChoiceField(choices=list(METRICS))
    unit = serializers.ChoiceField(choices=["count", "ratio", "usd", "tokens", "ms"])
    interval = serializers.ChoiceField(choices=["hour", "day", "week"])
    groups = serializers.ListField(child=serializers.CharField())
    buckets = BucketSerializer(many=True)


class ScoreSerializer(serializers.Serializer[object]):
    id = serializers.CharField()
    target = serializers.DictField(
        child=serializers.CharField(), help_text="kind, and the ids that name it"
    )
    name = serializers.CharField()
    value = serializers.JSONField(help_text="A number, true or false, or a label.")
    source = serializers.ChoiceField(choices=["user", "human", "judge", "code"])  # type: ignore[assignment]
    comment = serializers.CharField()
    at = serializers.DateTimeField()


class ScorePageSerializer(serializers.Serializer[object]):
    results = ScoreSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class SessionSerializer(serializers.Serializer[SessionRow]):
    id = serializers.CharField()
    implicit = serializers.BooleanField()
    user_id = serializers.CharField()
    first_at = serializers.DateTimeField()
    last_at = serializers.DateTimeField()
    duration_ms = serializers.FloatField()
    traces = serializers.IntegerField()
    spans = serializers.IntegerField()
    points = serializers.IntegerField()
    llm_calls = serializers.IntegerField()
    tool_calls = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]  # a field named as DRF's property
    root_errors = serializers.IntegerField(help_text="0: the session is a success.")
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    tokens_cache_read = serializers.IntegerField()
    tokens_cache_write = serializers.IntegerField()
    tokens_reasoning = serializers.IntegerField()
    cost_usd = serializers.FloatField(allow_null=True, help_text=COST)
    unpriced_calls = serializers.IntegerField(help_text=UNPRICED)
    models = serializers.ListField(child=serializers.CharField())
    prompts = serializers.ListField(child=serializers.CharField(), help_text="key@version")
    configs = serializers.ListField(child=serializers.CharField())
    tags = serializers.ListField(child=serializers.CharField())
    arms = serializers.DictField(child=serializers.CharField(), help_text="experiment → variant")
    scores = ScoreSerializer(many=True)
    metrics = serializers.DictField(child=serializers.FloatField(), help_text="latest values")
    first_input = serializers.CharField()
    last_output = serializers.CharField()


class TraceSerializer(serializers.Serializer[TraceRow]):
    trace_id = serializers.CharField()
    name = serializers.CharField()
    session_id = serializers.CharField()
    user_id = serializers.CharField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.FloatField()
    status = serializers.ChoiceField(choices=["unset", "ok", "error"])
    spans = serializers.IntegerField()
    llm_calls = serializers.IntegerField()
    errors = serializers.IntegerField()  # type: ignore[assignment]  # a field named as DRF's property
    tokens_in = serializers.IntegerField()
    tokens_out = serializers.IntegerField()
    cost_usd = serializers.FloatField(allow_null=True, help_text=COST)
    unpriced_calls = serializers.IntegerField(help_text=UNPRICED)


class TokensSerializer(serializers.Serializer[object]):
    input = serializers.IntegerField(allow_null=True)
    output = serializers.IntegerField(allow_null=True)
    cache_read = serializers.IntegerField(allow_null=True)
    cache_write = serializers.IntegerField(allow_null=True)
    reasoning = serializers.IntegerField(allow_null=True)


class PromptRefSerializer(serializers.Serializer[object]):
    key = serializers.CharField()
    version = serializers.CharField()
    inherited = serializers.BooleanField(
        help_text="Whether a span above the call names it, and not the call itself."
    )


class ConfigRefSerializer(serializers.Serializer[object]):
    key = serializers.CharField()
    version = serializers.CharField()


class SpanSerializer(serializers.Serializer[SpanRow]):
    id = serializers.UUIDField()
    trace_id = serializers.CharField()
    span_id = serializers.CharField()
    parent_span_id = serializers.CharField()
    kind = serializers.CharField()
    name = serializers.CharField()
    session_id = serializers.CharField()
    user_id = serializers.CharField()
    run_id = serializers.CharField()
    started_at = serializers.DateTimeField()
    duration_ms = serializers.FloatField(allow_null=True, help_text="null: a point")
    ttft_ms = serializers.FloatField(allow_null=True)
    status = serializers.ChoiceField(choices=["unset", "ok", "error"])
    error_type = serializers.CharField()
    error = serializers.CharField()
    provider = serializers.CharField()
    model_requested = serializers.CharField()
    model = serializers.CharField()
    operation = serializers.CharField()
    finish_reason = serializers.CharField()
    tokens = TokensSerializer()
    cost_usd = serializers.FloatField(allow_null=True)
    cost_source = serializers.ChoiceField(choices=["none", "caller", "computed", "override"])
    prompt = PromptRefSerializer(allow_null=True)
    arms = serializers.DictField(child=serializers.CharField())
    environment = serializers.CharField()
    release = serializers.CharField()
    tags = serializers.ListField(child=serializers.CharField())
    metadata = serializers.DictField()
    metrics = serializers.DictField(child=serializers.FloatField())
    warnings = serializers.ListField(child=serializers.CharField())
    config = ConfigRefSerializer(allow_null=True)
    duplicate_of = serializers.UUIDField(
        allow_null=True,
        help_text="The span that tells of the same model call and counts; null: this one counts.",
    )


class SpanDetailSerializer(SpanSerializer):
    input = serializers.CharField(allow_null=True)
    output = serializers.CharField(allow_null=True)
    system = serializers.CharField(allow_null=True)
    attributes = serializers.DictField()
    span_events = serializers.ListField()
    links = serializers.ListField()
    resource = serializers.DictField()


class ShortLatencySerializer(serializers.Serializer[object]):
    p50 = serializers.FloatField(allow_null=True)
    p95 = serializers.FloatField(allow_null=True)


class SessionDetailSerializer(SessionSerializer):
    latency = ShortLatencySerializer()
    trace_list = TraceSerializer(many=True)
    hidden_traces = serializers.IntegerField()


class TraceDetailSerializer(TraceSerializer):
    span_count = serializers.IntegerField()
    spans = SpanSerializer(many=True)  # type: ignore[assignment]  # the count, in lists
    hidden_spans = serializers.IntegerField()


class SessionPageSerializer(serializers.Serializer[object]):
    results = SessionSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class TracePageSerializer(serializers.Serializer[object]):
    results = TraceSerializer(many=True)
    next = serializers.URLField(allow_null=True)


class SpanPageSerializer(serializers.Serializer[object]):
    results = SpanSerializer(many=True)
    next = serializers.URLField(allow_null=True)

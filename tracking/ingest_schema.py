"""What the doors of ingestion take and answer, for the OpenAPI schema alone."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from core.api import PROBLEM_TYPE
from tracking.refused_codes import (
    OF_CHATS,
    OF_EVENTS,
    OF_FALLOM,
    OF_FLAT_SPANS,
    OF_OTLP,
    OF_SCORES,
    name_codes,
)


class OtlpKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """A key as everywhere, or as the password of Basic authentication."""

    target_class = "tracking.otlp_views.OtlpKeyAuthentication"
    name = "keyAsPassword"

    def get_security_definition(self, auto_schema: object) -> dict[str, Any]:  # OpenAPI's JSON
        return {"type": "http", "scheme": "basic", "description": "The password is a key."}

    def get_security_requirement(self, auto_schema: object) -> list[dict[str, list[str]]]:
        return [{"apiKey": []}, {self.name: []}]


class RejectedItem(serializers.Serializer[object]):
    index = serializers.IntegerField(help_text="Place of the item in the request, from 0.")
    code = serializers.CharField(help_text="One of those that the description of the path names.")
    message = serializers.CharField(help_text="The field at fault, and the form that is read.")


class AcceptedBody(serializers.Serializer[object]):
    accepted = serializers.IntegerField(help_text="Items committed to the database.")
    rejected = RejectedItem(many=True)


class EventBody(serializers.Serializer[object]):
    id = serializers.CharField(required=False, help_text="Makes sending it again harmless.")
    type = serializers.CharField()
    timestamp = serializers.CharField(required=False, help_text="ISO 8601, or a number since 1970.")
    data = serializers.JSONField()  # type: ignore[assignment]


class EventsBody(serializers.Serializer[object]):
    events = EventBody(many=True)


class ScoreBody(serializers.Serializer[object]):
    """A score names what it judges by one of the ids; a span also by its trace's."""

    session_id = serializers.CharField(required=False)
    trace_id = serializers.CharField(required=False)
    span_id = serializers.CharField(required=False)
    run_id = serializers.CharField(required=False)
    user_id = serializers.CharField(required=False)
    name = serializers.CharField(max_length=200)
    value = serializers.JSONField(help_text="A number, true or false, or a label.")
    comment = serializers.CharField(required=False)
    source = serializers.ChoiceField(  # type: ignore[assignment]
        choices=["user", "human", "judge", "code"], required=False
    )
    id = serializers.CharField(required=False, help_text="Lets it be changed later.")
    at = serializers.CharField(required=False, help_text="ISO 8601; without it: of receipt.")


class FallomMetricsBody(serializers.Serializer[object]):
    config_key = serializers.CharField(required=False)
    session_id = serializers.CharField()
    data = serializers.JSONField()  # type: ignore[assignment]


class StatusBody(serializers.Serializer[object]):
    pending_batches = serializers.IntegerField()
    pending_events = serializers.IntegerField()
    oldest_pending_seconds = serializers.FloatField()
    quarantined = serializers.IntegerField()
    digested_events = serializers.IntegerField(help_text="stored + duplicate")
    stored_events = serializers.IntegerField()
    duplicate_events = serializers.IntegerField()
    rejected_events = serializers.IntegerField()


class ProblemDetails(serializers.Serializer[object]):
    """RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = serializers.JSONField(required=False)  # type: ignore[assignment]


_REFUSALS = {
    400: "Nothing of it can be read, or it was cut off on the way: not to be sent again as it is.",
    401: "No key, or one that is not known any more.",
    403: "The key lacks the scope `ingest`, or is not meant for this page.",
    408: "It came too slowly: ten seconds, and one more for each 4,096 bytes received.",
    413: "More bytes than are taken, as sent or inflated; or chunks of a few bytes each.",
    415: "A content type or encoding that is not read.",
    503: "The database is away or slow, the server is full or stops: to be sent again, as it is,"
    " after the seconds that `Retry-After` says. What was stored is not counted twice.",
}
_TOO_MANY = "More requests than the key may send: again after the seconds of `Retry-After`."
RETRY_AFTER = OpenApiParameter(
    "Retry-After",
    OpenApiTypes.INT,
    OpenApiParameter.HEADER,
    description="Seconds.",
    response=[429, 503],
)
PROBLEMS = {
    (status, PROBLEM_TYPE): OpenApiResponse(ProblemDetails, why)
    for status, why in {**_REFUSALS, 429: _TOO_MANY}.items()
}
_STATUSES = {  # OTLP says 503 to those that send too often
    status: OpenApiResponse(
        OpenApiTypes.OBJECT, f"{why} A `google.rpc.Status`, in the request's encoding."
    )
    for status, why in _REFUSALS.items()
}

events_schema = extend_schema(
    summary="Send events",
    description=(
        "One event, `{events: […]}`, a bare array, or JSON Lines, under any content type; gzip or"
        " deflate; an ExperimentSummary or ExperimentResult may stand wherever an event does. 202"
        " means committed. Items that are refused cost no other one."
        f"{name_codes(OF_EVENTS)}"
    ),
    request={
        "application/json": EventsBody,
        "application/x-ndjson": OpenApiTypes.STR,
        "text/plain": OpenApiTypes.STR,
    },
    parameters=[RETRY_AFTER],
    responses={202: AcceptedBody, **PROBLEMS},
)
scores_schema = extend_schema(
    operation_id="scores_send",
    summary="Send scores",
    description=(
        "One score, an array, `{scores: […]}`, or JSON Lines, under any content type. The latest"
        " word (by `at`, then by receipt) under an `id` replaces the earlier ones."
        f"{name_codes(OF_SCORES)}"
    ),
    request={
        "application/json": ScoreBody(many=True),
        "application/x-ndjson": OpenApiTypes.STR,
        "text/plain": OpenApiTypes.STR,
    },
    parameters=[RETRY_AFTER],
    responses={202: AcceptedBody, **PROBLEMS},
)
chats_schema = extend_schema(
    operation_id="chats_send",
    summary="Send ai.matey's chats",
    description=(
        "An exchange `{request, response?, chunks?, error?, durationMs?, sessionId?}`, a request, a"
        " response, chunks of a stream, a warning or the capabilities of a backend: told apart by"
        " shape; one, an array, `{items: […]}`, or one a line. Chunks belong to the request that"
        " the body's `start` chunk, the item or the query names; others are kept by themselves."
        f"{name_codes(OF_CHATS)} Of other fields: `<field>_missing`, `<field>_invalid`. A body of"
        " one bad item is answered 400."
    ),
    parameters=[
        OpenApiParameter(
            "requestId", OpenApiTypes.STR, description="As `X-Request-Id`: of items without one."
        ),
        OpenApiParameter("sessionId", OpenApiTypes.STR, description="The session of all items."),
        OpenApiParameter("backend", OpenApiTypes.STR, description="Whose capabilities these are."),
        RETRY_AFTER,
    ],
    request={
        "application/json": OpenApiTypes.OBJECT,
        "application/x-ndjson": OpenApiTypes.STR,
        "text/plain": OpenApiTypes.STR,
    },
    responses={202: AcceptedBody, **PROBLEMS},
)
otlp_schema = extend_schema(
    summary="Send OTLP traces",
    description=(
        "An `ExportTraceServiceRequest`; answers to the letter of OTLP/HTTP. JSON without"
        " `resourceSpans` and with `trace_id`, `span_id` or `config_key` is a span of Fallom's"
        " clients;"
        " `X-Fallom-*` headers tell session, customer, config and prompt of all spans. Spans that"
        " are refused cost no other one: a partial success counts them, and names the first few."
        f"{name_codes(OF_OTLP | OF_FLAT_SPANS)}"
    ),
    request={
        "application/x-protobuf": OpenApiTypes.BINARY,
        "application/json": OpenApiTypes.OBJECT,
    },
    parameters=[RETRY_AFTER],
    responses={200: OpenApiTypes.OBJECT, **_STATUSES},
)
fallom_metrics_schema = extend_schema(
    operation_id="fallom_spans_send",
    summary="Send a session's own numbers, as Fallom's trace.span does",
    description=(
        "Of each field of `data` the latest value counts. Numbers and truths become metrics of the"
        f" session, texts what it is filtered by.{name_codes(OF_FALLOM)}"
    ),
    request={"application/json": FallomMetricsBody},
    parameters=[RETRY_AFTER],
    responses={202: AcceptedBody, **PROBLEMS},
)
otlp_logs_schema = extend_schema(
    summary="Send GenAI events as OTLP logs",
    description=(
        "An `ExportLogsServiceRequest`. Kept are `gen_ai.evaluation.result`, as the score of the"
        " span it names, `gen_ai.client.inference.operation.details` and the message events of"
        " older conventions; other records are counted and refused in a partial success."
        f"{name_codes(OF_OTLP)}"
    ),
    request={
        "application/x-protobuf": OpenApiTypes.BINARY,
        "application/json": OpenApiTypes.OBJECT,
    },
    parameters=[RETRY_AFTER],
    responses={200: OpenApiTypes.OBJECT, **_STATUSES},
)
status_schema = extend_schema(
    summary="How far ingestion is",
    responses={200: StatusBody, (401, PROBLEM_TYPE): OpenApiResponse(ProblemDetails)},
)

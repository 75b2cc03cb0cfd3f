"""What the doors of ingestion take and answer, for the OpenAPI schema alone."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers


class RejectedItem(serializers.Serializer[object]):
    index = serializers.IntegerField(help_text="Place of the item in the request, from 0.")
    code = serializers.CharField()
    message = serializers.CharField()


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


_CODES_OF_ANY = (
    "; and of any item: `not_an_object`, `json_invalid`, `duplicate_key`, `too_deep`, `expired`."
    " Messages say the field at fault and the form that is read."
)
_JSON_PROBLEM = OpenApiResponse(ProblemDetails)
_RPC_STATUS = OpenApiResponse(OpenApiTypes.OBJECT, "google.rpc.Status, in the request's encoding")
_REFUSALS = (400, 401, 403, 413, 415, 503)
_OUR_REFUSALS = (*_REFUSALS, 429)  # OTLP says 503 to those that send too often

events_schema = extend_schema(
    summary="Send events",
    description=(
        "One event, `{events: […]}`, a bare array, or JSON Lines, under any content type; gzip or"
        " deflate. 202 means committed. Items that are refused cost no other one."
        " Codes of refused items: `type_missing`, `type_too_long`, `data_not_an_object`,"
        " `timestamp_invalid`, `trace_id_missing`, `span_id_missing`"
        f"{_CODES_OF_ANY}"
    ),
    request={
        "application/json": EventsBody,
        "application/x-ndjson": OpenApiTypes.STR,
        "text/plain": OpenApiTypes.STR,
    },
    responses={202: AcceptedBody, **dict.fromkeys(_OUR_REFUSALS, _JSON_PROBLEM)},
)
scores_schema = extend_schema(
    operation_id="scores_send",
    summary="Send scores",
    description=(
        "One score, an array, `{scores: […]}`, or JSON Lines, under any content type. The latest"
        " word (by `at`, then by receipt) under an `id` replaces the earlier ones."
        " Codes of refused items: `target_missing`, `name_missing`, `name_too_long`,"
        " `value_invalid`, `source_unknown`, `comment_invalid`, `comment_too_long`,"
        f" `timestamp_invalid`{_CODES_OF_ANY}"
    ),
    request={
        "application/json": ScoreBody(many=True),
        "application/x-ndjson": OpenApiTypes.STR,
        "text/plain": OpenApiTypes.STR,
    },
    responses={202: AcceptedBody, **dict.fromkeys(_OUR_REFUSALS, _JSON_PROBLEM)},
)
chats_schema = extend_schema(
    operation_id="chats_send",
    summary="Send ai.matey's chats",
    description=(
        "An exchange `{request, response?, chunks?, error?, durationMs?, sessionId?}`, a request, a"
        " response, chunks of a stream, a warning or the capabilities of a backend: told apart by"
        " shape; one, an array, `{items: […]}`, or one a line. Chunks belong to the request that"
        " the body's `start` chunk, the item or the query names; others are kept by themselves."
        " Codes of refused items: `shape_unknown`, `request_id_missing`, `expired`, and"
        " `<field>_missing` or `<field>_invalid`. A body of one bad item is answered 400."
    ),
    parameters=[
        OpenApiParameter(
            "requestId", OpenApiTypes.STR, description="As `X-Request-Id`: of items without one."
        ),
        OpenApiParameter("sessionId", OpenApiTypes.STR, description="The session of all items."),
        OpenApiParameter("backend", OpenApiTypes.STR, description="Whose capabilities these are."),
    ],
    request={
        "application/json": OpenApiTypes.OBJECT,
        "application/x-ndjson": OpenApiTypes.STR,
        "text/plain": OpenApiTypes.STR,
    },
    responses={202: AcceptedBody, **dict.fromkeys(_OUR_REFUSALS, _JSON_PROBLEM)},
)
otlp_schema = extend_schema(
    summary="Send OTLP traces",
    description=(
        "An `ExportTraceServiceRequest`; answers to the letter of OTLP/HTTP. JSON without"
        " `resourceSpans` and with `trace_id` or `span_id` is a span of Fallom's clients;"
        " `X-Fallom-*` headers tell session, customer, config and prompt of all spans."
    ),
    request={
        "application/x-protobuf": OpenApiTypes.BINARY,
        "application/json": OpenApiTypes.OBJECT,
    },
    responses={200: OpenApiTypes.OBJECT, **dict.fromkeys(_REFUSALS, _RPC_STATUS)},
)
fallom_metrics_schema = extend_schema(
    operation_id="fallom_spans_send",
    summary="Send a session's own numbers, as Fallom's trace.span does",
    description=(
        "Of each field of `data` the latest value counts. Numbers and truths become metrics of the"
        " session, texts what it is filtered by."
    ),
    request={"application/json": FallomMetricsBody},
    responses={202: AcceptedBody, **dict.fromkeys(_OUR_REFUSALS, _JSON_PROBLEM)},
)
otlp_logs_schema = extend_schema(
    summary="Send GenAI events as OTLP logs",
    description=(
        "An `ExportLogsServiceRequest`. Kept are `gen_ai.evaluation.result`, as the score of the"
        " span it names, `gen_ai.client.inference.operation.details` and the message events of"
        " older conventions; other records are counted and refused in a partial success."
    ),
    request={
        "application/x-protobuf": OpenApiTypes.BINARY,
        "application/json": OpenApiTypes.OBJECT,
    },
    responses={200: OpenApiTypes.OBJECT, **dict.fromkeys(_REFUSALS, _RPC_STATUS)},
)
status_schema = extend_schema(
    summary="How far ingestion is", responses={200: StatusBody, 401: _JSON_PROBLEM}
)

"""Requests on the logs signal, as exporters make them."""

import json

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.tracking.adapters.otlp_building import (
    START_NS,
    json_pairs,
    json_value,
    make_pairs,
    make_value,
)

TRACE, SPAN = bytes(range(1, 17)), bytes(range(1, 9))
DETAILS = "gen_ai.client.inference.operation.details"
EVALUATION = "gen_ai.evaluation.result"
RELEVANCE = {
    "gen_ai.evaluation.name": "Relevance",
    "gen_ai.evaluation.score.value": 0.75,
    "gen_ai.evaluation.score.label": "good",
    "gen_ai.evaluation.explanation": "It answers.",
    "gen_ai.response.id": "r-1",
}


def make_record(name, attributes=None, *, body=None, **fields):
    defaults = {"trace_id": TRACE, "span_id": SPAN, "time_unix_nano": START_NS}
    record = LogRecord(event_name=name, attributes=make_pairs(attributes or {}))
    for field, value in (defaults | fields).items():
        setattr(record, field, value)
    if body is not None:
        record.body.CopyFrom(make_value(body))
    return record


def make_logs(*records, resource=None):
    request = ExportLogsServiceRequest()
    of_resource = request.resource_logs.add()
    of_resource.resource.attributes.extend(make_pairs(resource or {}))
    of_resource.scope_logs.add().log_records.extend(records)
    return request


def json_logs(request):
    groups = [
        {
            "resource": {"attributes": json_pairs(group.resource.attributes)},
            "scopeLogs": [
                {"logRecords": [json_record(record) for record in scope.log_records]}
                for scope in group.scope_logs
            ],
        }
        for group in request.resource_logs
    ]
    return json.dumps({"resourceLogs": groups}).encode()


def json_record(record):
    return {
        "timeUnixNano": str(record.time_unix_nano),
        "observedTimeUnixNano": str(record.observed_time_unix_nano),
        "severityNumber": record.severity_number,
        "eventName": record.event_name,
        "traceId": record.trace_id.hex(),
        "spanId": record.span_id.hex(),
        "attributes": json_pairs(record.attributes),
        **({"body": json_value(record.body)} if record.HasField("body") else {}),
        "aFutureField": [1],
    }

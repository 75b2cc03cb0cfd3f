"""A small request for each kind of door."""

from tests.tracking.adapters.otlp_building import make_request
from tests.tracking.adapters.otlp_building import make_span as make_otlp_span

DOORS = ["/api/v1/events", "/v1/traces", "/api/analytics/batch"]


def post(client, path):
    if "traces" in path:
        body, kind = make_request(make_otlp_span()).SerializeToString(), "application/x-protobuf"
    else:
        body, kind = b'{"type": "note"}', "application/json"
    return client.post(path, body, content_type=kind)

"""What the door of runs takes, for the OpenAPI schema alone."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from tracking.ingest_schema import PROBLEMS, RETRY_AFTER, AcceptedBody
from tracking.refused_codes import OF_RUNS, name_codes

runs_schema = extend_schema(
    operation_id="runs_send",
    summary="Send runs of Dogpile",
    description=(
        "A trace, a run result, one stream event, an array or JSON Lines of events, an event log, a"
        " benchmark artifact, a transcript, an audit record or a metrics snapshot: told apart by"
        " their shape. Pieces of one run (`runId`) may come in any order; sending one again changes"
        " nothing. A lone piece that is none of these is a 400 that names the nearest form."
        f"{name_codes(OF_RUNS)}"
    ),
    request={
        "application/json": OpenApiTypes.OBJECT,
        "application/x-ndjson": OpenApiTypes.STR,
        "text/plain": OpenApiTypes.STR,
    },
    parameters=[RETRY_AFTER],
    responses={202: AcceptedBody, **PROBLEMS},
)

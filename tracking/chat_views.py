"""The door of ai.matey: exchanges, requests, responses, chunks, warnings, capabilities."""

from rest_framework.request import Request
from rest_framework.response import Response

from tracking.ingest_schema import chats_schema
from tracking.ingest_views import IngestView

QUERY = {"requestId": "x-request-id", "sessionId": "x-session-id", "backend": "x-backend"}
"""Query parameters, and the headers that say the same."""


class ChatsView(IngestView):
    """Whatever ai.matey's types describe, told apart by shape."""

    @chats_schema
    def post(self, request: Request) -> Response:
        said = {
            header: request.query_params[key]
            for key, header in QUERY.items()
            if request.query_params.get(key)
        }
        accepted = self.accept(request, "matey", said=said)
        rejected = [
            {"index": r.index, "code": r.code, "message": r.message} for r in accepted.rejections
        ]
        return Response({"accepted": accepted.n_accepted, "rejected": rejected}, status=202)

"""``/fallom/prompts``: what Fallom's clients fetch at their start and every thirty seconds."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import re_path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.authentication import project_id_of
from prompts.catalogue import etag_of, fallom_body, revision_of


class FallomPromptsView(APIView):
    required_scope = "read"
    is_door = True  # core.middleware.DoorsMiddleware

    @extend_schema(operation_id="fallom_prompts", responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> HttpResponseBase:
        """All published versions, ascending, the current one of each prompt last."""
        project_id = project_id_of(request)
        revision = revision_of(project_id)
        etag = etag_of(project_id, revision)
        if etag in request.headers.get("If-None-Match", ""):
            return Response(status=304, headers={"ETag": etag})
        body = fallom_body(project_id, revision)
        return HttpResponse(body, content_type="application/json", headers={"ETag": etag})


urlpatterns = [re_path(r"^fallom/prompts/?$", FallomPromptsView.as_view(), name="fallom-prompts")]

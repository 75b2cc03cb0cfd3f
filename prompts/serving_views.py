"""Prompts served over HTTP: the version an application asked for, and its texts filled."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import Problem, read_input
from core.authentication import project_id_of
from core.database.types import MAX_INT4
from core.numerals import read_whole
from prompts import serializers as shapes
from prompts.api_access import KEY, answering_refusals
from prompts.catalogue import Selector, etag_of, resolve, resolved_body, revision_of, texts_of
from prompts.rendering import render

JSON = "application/json"


class ResolveView(APIView):
    required_scope = "read"
    is_door = True  # core.middleware.DoorsMiddleware

    @extend_schema(
        operation_id="prompts_resolve",
        parameters=[
            KEY,
            OpenApiParameter("label", OpenApiTypes.STR),
            OpenApiParameter("version", OpenApiTypes.INT),
            OpenApiParameter("If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER),
        ],
        responses={200: shapes.ResolvedShape, 304: OpenApiResponse(None, "As you have it.")},
    )
    def get(self, request: Request, key: str) -> HttpResponseBase:
        """Return the version that a label serves, or one by its number; ``ETag`` tells it apart."""
        selector = read_selector(request.GET.get("version"), request.GET.get("label", ""))
        project_id = project_id_of(request)
        revision = revision_of(project_id)
        etag = etag_of(project_id, revision)
        if etag in request.headers.get("If-None-Match", ""):
            return Response(status=304, headers={"ETag": etag})
        with answering_refusals():
            body = resolved_body(project_id, key, selector, revision)
        return HttpResponse(body, content_type=JSON, headers={"ETag": etag})


def read_selector(version: str | None, label: str) -> Selector:
    if version and label:
        raise Problem(400, "version, label: ask for one of them.", code="invalid")
    if "\0" in label:
        raise Problem(400, "label: no such label.", code="invalid")
    if not version:
        return Selector(label=label)
    number = read_whole(version, digits=10)
    if not number or number > MAX_INT4:
        raise Problem(400, "version: a whole number from 1.", code="invalid")
    return Selector(version=number)


class RenderView(APIView):
    required_scope = "read"
    is_door = True

    @extend_schema(
        operation_id="prompts_render",
        parameters=[KEY],
        request=shapes.RenderInput,
        responses=shapes.RenderedShape,
    )
    def post(self, request: Request, key: str) -> Response:
        """Fill the variables of a version. ``strict``: 400 for names without a value, or unused."""
        said = read_input(request, shapes.RenderInput)
        if said.get("version") and said["label"]:
            raise Problem(400, "version, label: ask for one of them.", code="invalid")
        with answering_refusals():
            selector = Selector(said.get("version"), said["label"])
            version = resolve(project_id_of(request), key, selector)
            rendered = render(texts_of(version), said["variables"])
        if said["strict"] and (rendered.missing or rendered.unused):
            errors = {"missing": list(rendered.missing), "unused": list(rendered.unused)}
            raise Problem(400, "The variables do not match.", code="strict", errors=errors)
        texts = rendered.texts
        messages = texts.messages and [
            {"role": each.role, "content": each.content} for each in texts.messages
        ]
        return Response(
            {
                "version": version.number,
                "system": texts.system,
                "user": texts.user,
                "messages": messages,
                "missing": list(rendered.missing),
                "unused": list(rendered.unused),
            }
        )

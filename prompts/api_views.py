"""Prompts over HTTP: read, write, publish, label."""

from typing import Any

from django.db.models import Prefetch
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from core.api import Problem, read_input
from core.authentication import project_id_of
from core.idempotency import IDEMPOTENT
from core.models import Project
from core.paging import page_of
from prompts import serializers as shapes
from prompts.api_access import KEY, author_of, get_prompt, get_version, write
from prompts.drafts import Draft, create_draft, create_prompt, publish
from prompts.labels import move_label
from prompts.models import LabelRequest, Prompt, PromptVersion

NUMBER = OpenApiParameter("number", OpenApiTypes.INT, OpenApiParameter.PATH)
_numbers = PromptVersion.objects.only("number", "published_at", "prompt_id")
WITHOUT_TEXTS = (Prefetch("versions", _numbers), "labels", Prefetch("labels__version", _numbers))
"""What a list tells of its prompts' versions: a page of them may hold gigabytes of texts."""


class PromptListView(APIView):
    required_scope = {"GET": "read", "POST": "manage"}

    @extend_schema(operation_id="prompts_list", responses=shapes.PromptPageShape)
    def get(self, request: Request) -> Response:
        """List the project's prompts by key."""
        project_id = project_id_of(request)

        def fetch(after: list[Any] | None, limit: int) -> list[Prompt]:
            prompts = Prompt.objects.filter(project_id=project_id).order_by("key")
            if after:
                prompts = prompts.filter(key__gt=after[0])
            return list(prompts.prefetch_related(*WITHOUT_TEXTS)[:limit])

        page = page_of(
            request,
            fetch,
            position_of=lambda prompt: [prompt.key],
            serialize=shapes.describe_prompt,
            project_id=project_id,
        )
        return Response(page)

    @extend_schema(
        operation_id="prompts_create",
        parameters=[IDEMPOTENT],
        request=shapes.PromptInput,
        responses={201: shapes.PromptShape},
    )
    def post(self, request: Request) -> Response:
        """Create a prompt without versions."""
        said = read_input(request, shapes.PromptInput)
        project = Project.objects.get(pk=project_id_of(request))

        def act() -> Response:
            prompt = create_prompt(project, said.pop("key"), author_of(request), **said)
            return Response(shapes.describe_prompt(prompt), status=201)

        return write(request, act)


class PromptView(APIView):
    required_scope = "read"

    @extend_schema(operation_id="prompts_retrieve", parameters=[KEY], responses=shapes.PromptShape)
    def get(self, request: Request, key: str) -> Response:
        """Return one prompt: its labels and its newest published version."""
        return Response(shapes.describe_prompt(get_prompt(request, key)))


class VersionListView(APIView):
    required_scope = {"GET": "read", "POST": "manage"}

    @extend_schema(
        operation_id="prompt_versions_list", parameters=[KEY], responses=shapes.VersionPageShape
    )
    def get(self, request: Request, key: str) -> Response:
        """List the versions, newest first, drafts included."""
        prompt = get_prompt(request, key)

        def fetch(after: list[Any] | None, limit: int) -> list[PromptVersion]:
            versions = prompt.versions.order_by("-number").select_related("prompt", "parent")
            if after:
                versions = versions.filter(number__lt=after[0])
            return list(versions.prefetch_related("labels")[:limit])

        page = page_of(
            request,
            fetch,
            position_of=lambda version: [version.number],
            serialize=shapes.describe_version,
            project_id=prompt.project_id,
        )
        return Response(page)

    @extend_schema(
        operation_id="prompt_versions_create",
        parameters=[KEY, IDEMPOTENT],
        request=shapes.VersionInput,
        responses={201: shapes.VersionShape},
    )
    def post(self, request: Request, key: str) -> Response:
        """Write a draft; with ``publish`` publish it, and move labels to it."""
        said = read_input(request, shapes.VersionInput)
        prompt, author = get_prompt(request, key), author_of(request)
        wants_publishing, labels = said.pop("publish"), said.pop("labels")
        if labels and not wants_publishing:
            raise Problem(400, "labels: a draft takes none; publish it.", code="not_published")
        messages = said.pop("messages")
        draft = Draft(
            messages=None if messages is None else [dict(each) for each in messages],
            variables=tuple(dict(each) for each in said.pop("variables")),
            **said,
        )

        def act() -> Response:
            version = create_draft(prompt, draft, author)
            if wants_publishing:
                version = publish(version, draft.note, author)
            for label in labels:
                move_label(prompt, label, version.number, draft.note, author)
            found = get_version(request, key, version.number)
            return Response(shapes.describe_version(found), status=201)

        return write(request, act)


class VersionView(APIView):
    required_scope = "read"

    @extend_schema(
        operation_id="prompt_versions_retrieve",
        parameters=[KEY, NUMBER],
        responses=shapes.VersionShape,
    )
    def get(self, request: Request, key: str, number: str) -> Response:
        """Return one version."""
        return Response(shapes.describe_version(get_version(request, key, int(number))))


class PublishView(APIView):
    required_scope = "manage"

    @extend_schema(
        operation_id="prompt_versions_publish",
        parameters=[KEY, NUMBER, IDEMPOTENT],
        request=shapes.PublishInput,
        responses=shapes.VersionShape,
    )
    def post(self, request: Request, key: str, number: str) -> Response:
        """Publish a draft: from then on it never changes."""
        note = read_input(request, shapes.PublishInput)["note"]
        version = get_version(request, key, int(number))

        def act() -> Response:
            publish(version, note, author_of(request))
            return Response(shapes.describe_version(get_version(request, key, version.number)))

        return write(request, act)


class LabelView(APIView):
    required_scope = "manage"

    @extend_schema(
        operation_id="prompt_labels_move",
        parameters=[KEY, OpenApiParameter("label", OpenApiTypes.STR, OpenApiParameter.PATH)],
        request=shapes.LabelInput,
        responses={
            200: shapes.LabelShape,
            202: OpenApiResponse(shapes.LabelShape, "Protected: a second person must approve."),
        },
    )
    def put(self, request: Request, key: str, label: str) -> Response:
        """Let a label serve a published version; 202 when somebody must approve."""
        said = read_input(request, shapes.LabelInput)
        prompt = get_prompt(request, key)

        def act() -> Response:
            change = move_label(prompt, label, said["version"], said["reason"], author_of(request))
            waits = isinstance(change, LabelRequest)
            return Response(shapes.describe_move(change), status=202 if waits else 200)

        return write(request, act)

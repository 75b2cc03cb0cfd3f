"""What the API's views share: who asks, for which prompt, and what a refusal is answered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.http import Http404
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework.request import Request
from rest_framework.response import Response

from core.api import Problem
from core.authentication import key_of, project_id_of
from core.idempotency import answer_once
from prompts.acting import Author, PromptError
from prompts.models import Prompt, PromptVersion
from prompts.rendering import RenderError

KEY = OpenApiParameter("key", OpenApiTypes.STR, OpenApiParameter.PATH)
STATUS_OF = {"not_found": 404, "no_such_version": 404}
CONFLICTS = {"key_taken", "no_change", "archived", "published", "request_pending", "not_published"}


@contextmanager
def answering_refusals() -> Iterator[None]:
    """Answer what cannot be done: 404, 409 where the state stands against it, else 400."""
    try:
        yield
    except PromptError as error:
        status = STATUS_OF.get(error.code) or (409 if error.code in CONFLICTS else 400)
        errors = {error.field: [str(error)]} if error.field else None
        raise Problem(status, str(error), code=error.code, errors=errors) from error
    except RenderError as error:
        raise Problem(400, str(error), code=error.code) from error
    except ValidationError as error:
        said = error.message_dict
        detail = "; ".join(f"{field}: {texts[0]}" for field, texts in said.items())
        raise Problem(400, detail, code="invalid", errors=said) from error


def get_prompt(request: Request, key: str) -> Prompt:
    prompt = None
    if "\0" not in key:
        prompt = Prompt.objects.filter(project_id=project_id_of(request), key=key).first()
    if prompt is None:
        raise Http404("no such prompt")
    return prompt


def get_version(request: Request, key: str, number: int) -> PromptVersion:
    versions = get_prompt(request, key).versions.select_related("prompt", "parent")
    version = versions.prefetch_related("labels").filter(number=number).first()
    if version is None:
        raise Http404("no such version")
    return version


def author_of(request: Request) -> Author:
    return Author(None, f"API key {key_of(request).prefix}")


def write(request: Request, act: Callable[[], Response]) -> Response:
    """A change of prompts: all of it or nothing, once for an Idempotency-Key."""
    with answering_refusals():
        return answer_once(request, act)

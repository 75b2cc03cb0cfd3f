"""What the API's views share: who asks, for which prompt, and what a refusal is answered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer

from core.api import Problem
from core.idempotency import answer_once
from core.keys import KeyInfo
from prompts.acting import Author, PromptError
from prompts.models import Prompt, PromptVersion
from prompts.rendering import RenderError

STATUS_OF = {"not_found": 404, "no_such_version": 404}
CONFLICTS = {"key_taken", "no_change", "archived", "published", "request_pending", "not_published"}


def key_of(request: Request) -> KeyInfo:
    assert isinstance(request.auth, KeyInfo)  # HasScope let nobody else in
    return request.auth


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


def read_input(request: Request, form: type[Serializer[Any]]) -> dict[str, Any]:
    if not isinstance(request.data, dict):
        raise Problem(400, "The body is a JSON object.", code="invalid")
    read = form(data=request.data)
    read.is_valid(raise_exception=True)
    values: dict[str, Any] = read.validated_data
    return values


def get_prompt(request: Request, key: str) -> Prompt:
    prompt = None
    if "\0" not in key:
        prompt = Prompt.objects.filter(project_id=key_of(request).project_id, key=key).first()
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

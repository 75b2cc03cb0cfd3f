"""Where every page of the prompts' admin starts: whose prompt it is, and what came of an action."""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods

from core.access import PageRequest, project_for
from core.models import Role
from prompts.acting import Author, PromptError
from prompts.admin_forms import describe_errors
from prompts.models import LabelMove, LabelRequest, Prompt, PromptVersion

P = ParamSpec("P")
PromptView = Callable[Concatenate[Any, Prompt, P], HttpResponse]  # the request: a PageRequest


def prompt_view(
    *methods: str, role: Role = Role.EDITOR
) -> Callable[[PromptView[P]], Callable[..., HttpResponse]]:
    """Turn ``view(request, prompt, …)`` into one for a URL with a ``prompt_id``.

    A stranger to the prompt's project gets the 404 of a prompt that does not exist.
    """

    def decorate(view: PromptView[P]) -> Callable[..., HttpResponse]:
        @wraps(view)
        def wrapper(
            request: HttpRequest, prompt_id: int, *args: P.args, **kwargs: P.kwargs
        ) -> HttpResponse:
            prompt = Prompt.objects.select_related("project").filter(pk=prompt_id).first()
            if prompt is None:
                raise Http404("no such prompt")
            project_for(request, prompt.project.slug, role=role)
            return view(request, prompt, *args, **kwargs)

        return require_http_methods(list(methods))(wrapper)

    return decorate


def asked_project(request: HttpRequest) -> str:
    """The slug in ``?project=``, of a project that the user edits; "" when none is asked for."""
    slug = request.GET.get("project", "")
    if "\0" in slug:
        raise Http404("no such project")
    if slug:
        project_for(request, slug, role=Role.EDITOR)
    return slug


def version_of(prompt: Prompt, number: int) -> PromptVersion:
    versions = prompt.versions.select_related("prompt", "parent").prefetch_related("labels")
    version = versions.filter(number=number).first()
    if version is None:
        raise Http404("no such version")
    return version


def author_of(request: PageRequest) -> Author:
    return Author.of_user(request.user)


def act(request: PageRequest, action: Callable[[], str]) -> bool:
    """Do it, and tell on the next page what it says or why it could not be done."""
    try:
        messages.success(request, action())
    except PromptError as error:
        messages.error(request, str(error))
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
    else:
        return True
    return False


def act_on(request: PageRequest, form: Form, action: Callable[[], str]) -> None:
    """Do what a small form asks for, or tell on the next page what is wrong with it."""
    if form.is_valid():
        act(request, action)
    else:
        messages.error(request, describe_errors(form))


def to_prompt(prompt: Prompt) -> HttpResponse:
    return redirect("admin:prompts_prompt_change", prompt_id=prompt.pk)


def to_version(prompt: Prompt, number: int) -> HttpResponse:
    return redirect("admin:prompts_prompt_version", prompt_id=prompt.pk, number=number)


def tell_move(change: LabelMove | LabelRequest) -> str:
    """How a move went, as a sentence."""
    target = f"v{change.to_number}" if change.to_number else "no version"
    if isinstance(change, LabelMove):
        return f"{change.label} serves {target} now."
    return f"{change.label} is protected: its move to {target} waits for a second person."

"""Writing a draft: the form, its live preview, publishing and discarding."""

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render

from core.access import PageRequest
from core.numerals import read_whole
from prompts.acting import PromptError
from prompts.admin_access import (
    act,
    act_on,
    author_of,
    prompt_view,
    to_prompt,
    to_version,
    version_of,
)
from prompts.admin_forms import BaseVariableFormSet, DraftForm, PublishForm, VariableFormSet
from prompts.admin_views import shell_of
from prompts.catalogue import texts_of
from prompts.drafts import Draft, check_draft, create_draft, discard_draft, publish, save_draft
from prompts.models import Prompt, PromptVersion
from prompts.previewing import preview
from prompts.rendering import RenderError
from prompts.version_diffs import diff_versions

Forms = tuple[DraftForm, BaseVariableFormSet]


@prompt_view("GET", "POST")
def add_draft(request: PageRequest, prompt: Prompt) -> HttpResponse:
    """Write a new draft, on top of ``?base=`` or the newest version."""
    if request.method == "POST":
        return _create(request, prompt)
    if asked := read_whole(request.GET.get("base", "")):
        base: PromptVersion | None = version_of(prompt, asked)
    else:
        base = prompt.versions.order_by("-number").first()
    form, variables = _forms_of(base)
    if base is not None:
        # Whatever it is made from, this is another draft.
        form.initial.update({"base": base.number, "revision": None, "note": ""})
    return _draft_page(request, prompt, (form, variables), base=base)


@prompt_view("GET", "POST")
def edit_draft(request: PageRequest, prompt: Prompt, number: int) -> HttpResponse:
    version = prompt.versions.select_related("prompt").filter(number=number).first()
    if request.method == "POST":
        if version is None or version.is_published:
            return _keep_as_new(request, prompt, number)
        return _save(request, prompt, version)
    if version is None or version.is_published:
        return to_version(prompt, number)
    return _draft_page(request, prompt, _forms_of(version), version=version)


def _create(request: PageRequest, prompt: Prompt) -> HttpResponse:
    form, variables = _bound_forms(request)
    draft = _read_draft(form, variables)
    if draft is not None:
        try:
            version = create_draft(
                prompt, draft, author_of(request), base=form.cleaned_data["base"]
            )
        except PromptError as error:
            form.add_error(None, str(error))
        else:
            messages.success(request, f"v{version.number} is saved as a draft.")
            return to_version(prompt, version.number)
    return _draft_page(request, prompt, (form, variables), status=400)


def _save(request: PageRequest, prompt: Prompt, version: PromptVersion) -> HttpResponse:
    form, variables = _bound_forms(request)
    draft = _read_draft(form, variables)
    if draft is None:
        return _draft_page(request, prompt, (form, variables), version=version, status=400)
    try:
        revision = form.cleaned_data["revision"] or 0
        save_draft(version, draft, author_of(request), revision=revision)
    except PromptError as error:
        if error.code in {"published", "discarded"}:
            return _keep_as_new(request, prompt, version.number)
        form.add_error(None, str(error))
        if error.code != "draft_changed":
            return _draft_page(request, prompt, (form, variables), version=version, status=400)
        return _show_other(request, prompt, version, draft, str(error))
    messages.success(request, f"v{version.number} is saved.")
    return to_version(prompt, version.number)


def _show_other(
    request: PageRequest, prompt: Prompt, version: PromptVersion, mine: Draft, refusal: str
) -> HttpResponse:
    """Somebody saved meanwhile: one's own text stays in the form, the other is shown beside it.

    Saving again then overwrites what was read, and nothing later.
    """
    theirs = version_of(prompt, version.number)
    return _draft_page(
        request,
        prompt,
        _bound_again(request, refusal, revision=str(theirs.revision)),
        version=theirs,
        status=409,
        theirs=theirs,
        sections=diff_versions(theirs, mine),
    )


def _keep_as_new(request: PageRequest, prompt: Prompt, number: int) -> HttpResponse:
    """Nobody's text is lost because its draft was published or discarded meanwhile."""
    refusal = f"v{number} is no draft any more. Your text is kept: save it as a new draft."
    forms = _bound_again(request, refusal, revision="", base="")
    return _draft_page(request, prompt, forms, status=409)


def _draft_page(
    request: PageRequest, prompt: Prompt, forms: Forms, *, status: int = 200, **context: Any
) -> HttpResponse:
    """``version``: the draft that is edited; ``base``: what a new one begins as."""
    form, variables = forms
    context = {**shell_of(prompt), "form": form, "variables": variables, **context}
    return render(request, "admin/prompts/prompt/draft.html", context, status=status)


def _forms_of(version: PromptVersion | None) -> Forms:
    declared = version.variables if version is not None else []
    return DraftForm.of_version(version), VariableFormSet(initial=declared, prefix="variables")


def _bound_forms(request: PageRequest) -> Forms:
    return DraftForm(request.POST), VariableFormSet(request.POST, prefix="variables")


def _bound_again(request: PageRequest, refusal: str, **changed: str) -> Forms:
    """What was sent, with hidden fields changed and why it was not saved."""
    data = request.POST.copy()
    for name, value in changed.items():
        data[name] = value
    form, variables = DraftForm(data), VariableFormSet(data, prefix="variables")
    form.add_error(None, refusal)
    return form, variables


def _read_draft(form: DraftForm, variables: BaseVariableFormSet) -> Draft | None:
    """What was written; None when a form has an error."""
    valid = form.is_valid()
    if not variables.is_valid() or not valid:
        return None
    draft = form.draft_with(variables)
    try:
        check_draft(draft)
    except PromptError as error:
        field = error.field.split("[")[0]
        form.add_error(field or None, f"{error.field}: {error}")
        return None
    return draft


@prompt_view("POST")
def show_preview(request: PageRequest, prompt: Prompt) -> HttpResponse:
    """The fragment beside the form: what the texts become with the examples, and what is odd."""
    form, variables = _bound_forms(request)
    draft = _read_draft(form, variables)
    context: dict[str, Any] = {"prompt": prompt, "is_live": True}
    if draft is None:
        context["refusal"] = "The preview comes back when the form has no errors."
        context["errors"] = [*form.errors.get_json_data().items()]
    else:
        try:
            context["preview"] = preview(texts_of(draft), draft.variables)
        except RenderError as error:
            context["refusal"] = str(error)
    return render(request, "admin/prompts/prompt/_preview.html", context)


@prompt_view("POST")
def publish_draft(request: PageRequest, prompt: Prompt, number: int) -> HttpResponse:
    version = version_of(prompt, number)
    form = PublishForm(request.POST)

    def do() -> str:
        said = form.cleaned_data
        publish(version, said["note"], author_of(request), revision=said["revision"])
        return f"v{number} is published. It serves nobody until a label moves to it."

    act_on(request, form, do)
    return to_version(prompt, number)


@prompt_view("POST")
def discard(request: PageRequest, prompt: Prompt, number: int) -> HttpResponse:
    version = version_of(prompt, number)

    def do() -> str:
        discard_draft(version, author_of(request))
        return f"The draft v{number} is gone."

    return to_prompt(prompt) if act(request, do) else to_version(prompt, number)

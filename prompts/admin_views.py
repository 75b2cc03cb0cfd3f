"""Pages of the prompts' admin: a new prompt, one prompt, one version of it."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from core.access import PageRequest
from core.models import Project, Role
from core.numerals import read_whole
from prompts.acting import PromptError
from prompts.admin_access import (
    act_on,
    asked_project,
    author_of,
    prompt_view,
    to_prompt,
    version_of,
)
from prompts.admin_forms import NewPromptForm, PromptForm, PublishForm, SwitchForm
from prompts.catalogue import texts_of
from prompts.drafts import create_prompt, rename_prompt, set_archived
from prompts.models import (
    VERSION_TEXTS,
    LabelMove,
    LabelRequest,
    Prompt,
    PromptLabel,
    PromptVersion,
)
from prompts.pages import CHOICES, MOVES_SHOWN, VERSIONS_SHOWN, list_numbers
from prompts.previewing import Preview, preview
from prompts.rendering import RenderError
from prompts.version_diffs import diff_versions

SUGGESTED_LABELS = ("production", "staging")


@dataclass(frozen=True, slots=True)
class LabelRow:
    """A label of the prompt, where it was before, and what it waits for."""

    label: PromptLabel
    before: int  # 0: it served nothing
    request: LabelRequest | None

    @property
    def number(self) -> int:
        return self.label.version.number if self.label.version else 0


@require_http_methods(["GET", "POST"])
def add_prompt(request: PageRequest) -> HttpResponse:
    slug = asked_project(request)
    form = NewPromptForm(request.POST or None, initial={"project": slug})
    projects = Project.objects.open_to(request.user, Role.EDITOR)
    form.fields["project"].queryset = projects  # type: ignore[attr-defined] # a ModelChoiceField
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            prompt = create_prompt(
                said["project"],
                said["key"],
                author_of(request),
                name=said["name"],
                description=said["description"],
                tags=said["tags"],
            )
        except PromptError as error:
            form.add_error(error.field or None, str(error))
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{prompt.key} is there. Now write its first version.")
            return redirect("admin:prompts_prompt_draft_add", prompt_id=prompt.pk)
    status = 400 if form.errors else 200
    context = {"form": form, "section": "prompts"}
    return render(request, "admin/prompts/prompt/add.html", context, status=status)


@prompt_view("GET")
def prompt_page(request: PageRequest, prompt: Prompt) -> HttpResponse:
    versions = prompt.versions.defer(*VERSION_TEXTS).prefetch_related("labels")
    if before := read_whole(request.GET.get("before", "")):
        versions = versions.filter(number__lt=before)
    shown = list(versions.order_by("-number")[: VERSIONS_SHOWN + 1])
    context = {
        **shell_of(prompt),
        "label_rows": label_rows(prompt),
        "versions": shown[:VERSIONS_SHOWN],
        "older_than": shown[VERSIONS_SHOWN - 1].number if len(shown) > VERSIONS_SHOWN else None,
        "published": list_numbers(prompt),
        "moves": moves_of(prompt)[:MOVES_SHOWN],
        "closed": closed_requests(prompt)[:MOVES_SHOWN],
        "form": PromptForm.of_prompt(prompt),
        "suggested_labels": SUGGESTED_LABELS,
    }
    return render(request, "admin/prompts/prompt/change_form.html", context)


@prompt_view("POST")
def rename(request: PageRequest, prompt: Prompt) -> HttpResponse:
    form = PromptForm(request.POST)

    def do() -> str:
        rename_prompt(prompt, author_of(request), **form.cleaned_data)
        return "Saved."

    act_on(request, form, do)
    return to_prompt(prompt)


@prompt_view("POST", role=Role.ADMIN)
def archive(request: PageRequest, prompt: Prompt) -> HttpResponse:
    form = SwitchForm(request.POST)

    def do() -> str:
        archived = form.cleaned_data["on"]
        set_archived(prompt, author_of(request), archived=archived)
        return f"{prompt.key} is {'archived: it is served no more' if archived else 'back'}."

    act_on(request, form, do)
    return to_prompt(prompt)


@prompt_view("GET")
def version_page(request: PageRequest, prompt: Prompt, number: int) -> HttpResponse:
    version = version_of(prompt, number)
    others = prompt.versions.defer(*VERSION_TEXTS).exclude(pk=version.pk).order_by("-number")
    against = chosen_version(request, version)
    shown, refusal = preview_of(version)
    context = {
        **shell_of(prompt),
        "version": version,
        "others": others[:CHOICES],
        "against": against,
        "sections": diff_versions(against, version),
        "preview": shown,
        "refusal": refusal,
        "label_rows": label_rows(prompt),
        "suggested_labels": SUGGESTED_LABELS,
        "publish_form": PublishForm(
            initial={"note": version.note, "revision": version.revision}, auto_id="publish-%s"
        ),
    }
    return render(request, "admin/prompts/prompt/version.html", context)


def chosen_version(request: PageRequest, version: PromptVersion) -> PromptVersion | None:
    """The version to compare with: the one asked for, else its parent, else the one before it."""
    if asked := request.GET.get("against", ""):
        number = read_whole(asked)
        return version.prompt.versions.filter(number=number).first() if number else None
    if version.parent is not None:
        return version.parent
    before = version.prompt.versions.filter(number__lt=version.number)
    return before.order_by("-number").first()


def preview_of(version: PromptVersion) -> tuple[Preview | None, str]:
    try:
        return preview(texts_of(version), version.variables), ""
    except RenderError as error:
        return None, str(error)


def shell_of(prompt: Prompt) -> dict[str, Any]:
    """What every page of a prompt shows around itself."""
    return {"prompt": prompt, "section": "prompts", "is_archived": prompt.archived_at is not None}


def label_rows(prompt: Prompt) -> list[LabelRow]:
    last = LabelMove.objects.filter(prompt=prompt).order_by("label", "-at", "-id").distinct("label")
    before = dict(last.values_list("label", "from_number"))
    pending = prompt.requests.filter(state=LabelRequest.State.PENDING).select_related("actor")
    waiting = {request.label: request for request in pending}
    heavy = [f"version__{field}" for field in VERSION_TEXTS]
    labels = prompt.labels.select_related("version").defer(*heavy)
    return [
        LabelRow(label, before.get(label.name, 0), waiting.get(label.name))
        for label in labels.order_by("name")
    ]


def moves_of(prompt: Prompt) -> "QuerySet[LabelMove]":
    return prompt.moves.select_related("approved_by")


def closed_requests(prompt: Prompt) -> "QuerySet[LabelRequest]":
    return prompt.requests.exclude(
        state__in=[LabelRequest.State.PENDING, LabelRequest.State.APPROVED]
    ).select_related("decided_by")

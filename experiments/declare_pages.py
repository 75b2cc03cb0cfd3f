"""Pages that declare an experiment, start it and stop it."""

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from core.access import PageRequest, project_view
from core.models import Project, Role
from core.numerals import read_whole
from experiments.declarations import MAX_KEY, MAX_VARIANTS, RESERVED
from experiments.declare_forms import ExperimentForm, open_form, read_form
from experiments.discovery import find_experiment, get_experiment
from experiments.lifecycle import MOVES, ExperimentError, change_status, declare, discard_draft
from experiments.models import Experiment
from prompts.acting import Author
from prompts.models import PRODUCTION, Prompt
from prompts.pages import find_prompt, list_numbers

PROMPTS_OFFERED = 200
KINDS = {"model": "Models", "custom": "Variants"}
DONE = {
    "start": "It runs: from now on its {unit}s count.",
    "pause": "It is paused: no new {unit} counts.",
    "stop": "It is stopped. What was counted stays.",
}


@require_http_methods(["GET", "POST"])
@project_view(role=Role.EDITOR)
def new_experiment(request: PageRequest, project: Project) -> HttpResponseBase:
    """The form. ``?prompt=KEY&versions=7,8`` fills it in; without a subject, it is asked for."""
    said = request.POST if request.method == "POST" else request.GET
    prompt = find_prompt(project.pk, said["prompt"]) if said.get("prompt") else None
    kind = "prompt" if prompt else said.get("kind", "")
    if prompt is None and kind not in KINDS:
        return _ask_subject(request, project)
    numbers = _numbers_of(prompt, said) if prompt else []
    if request.method == "POST":
        form = read_form(said, kind, prompt.key if prompt else "", numbers)
        if "add" not in said and form.is_valid() and (made := _declare(request, project, form)):
            return redirect("experiments:detail", slug=project.slug, key=made.key)
    else:
        form = _prefilled(project, said, prompt, numbers, kind)
    context = {"form": form, "prompt": prompt, "kind": kind, "numbers": numbers}
    status = 400 if _has_errors(form) else 200
    return render(request, "experiments/new.html", context, status=status)


def _ask_subject(request: PageRequest, project: Project) -> HttpResponse:
    prompts = Prompt.objects.filter(project=project, archived_at=None).order_by("key")
    context = {
        "prompts": prompts.values_list("key", flat=True)[:PROMPTS_OFFERED],
        "named_so": find_experiment(project.pk, RESERVED) is not None,
    }
    return render(request, "experiments/new_subject.html", context)


def _has_errors(form: ExperimentForm) -> bool:
    return any(each.errors for each in (form.definition, *form.rows) if each.is_bound)


def _numbers_of(prompt: Prompt, said: QueryDict) -> list[int]:
    """The newest published versions, and those that were asked for, newest first."""
    typed = (read_whole(str(value)) for name, value in said.items() if name.endswith("-version"))
    asked = {*_versions_asked(said), *(number for number in typed if number is not None)}
    newest = list_numbers(prompt)
    older = prompt.versions.filter(number__in=asked - set(newest)).exclude(published_at=None)
    return sorted({*newest, *older.values_list("number", flat=True)}, reverse=True)


def _versions_asked(said: QueryDict) -> list[int]:
    """``7,8``, in this order, each once; the first becomes the control."""
    parts = said.get("versions", "")[:MAX_KEY].split(",")
    numbers = (read_whole(part.strip()) for part in parts)
    return list(dict.fromkeys(each for each in numbers if each is not None))[:MAX_VARIANTS]


def _prefilled(
    project: Project, said: QueryDict, prompt: Prompt | None, numbers: list[int], kind: str
) -> ExperimentForm:
    if prompt is None:
        return open_form(kind, "", [], initial={}, rows=[{}, {}])
    asked = _versions_asked(said)
    chosen = [number for number in asked if number in numbers]
    if unknown := [f"v{number}" for number in asked if number not in numbers]:
        chosen += [0] * len(unknown)
    elif len(chosen) < 2:
        chosen = list(dict.fromkeys([*chosen, *_usual_pair(prompt, numbers)]))[:2]
    rows = [{"version": number or ""} for number in chosen]
    rows += [{"version": ""}] * (2 - len(rows))
    known = [f"v{number}" for number in chosen if number]
    initial = {
        "key": free_key(project, "-".join([prompt.key, *known])),
        "name": f"{prompt.key}: {' against '.join(known)}" if known else "",
    }
    form = open_form(kind, prompt.key, numbers, initial=initial, rows=rows)
    form.notice = f"{', '.join(unknown)} is no published version." if unknown else ""
    return form


def _usual_pair(prompt: Prompt, numbers: list[int]) -> list[int]:
    """What is served, then the newest others."""
    label = prompt.labels.filter(name=PRODUCTION).select_related("version").first()
    live = label.version.number if label is not None and label.version else None
    return [number for number in (live, *numbers) if number in numbers]


def free_key(project: Project, wanted: str) -> str:
    """The key, or the key with a number that no experiment has yet."""
    wanted = wanted[: MAX_KEY - 4]
    taken = set(
        Experiment.objects.for_project(project.pk)
        .filter(key__startswith=wanted)
        .values_list("key", flat=True)
    )
    keys = (wanted, *(f"{wanted}-{n}" for n in range(2, 1_000)))
    return next((key for key in keys if key not in taken), wanted)


def _declare(request: PageRequest, project: Project, form: ExperimentForm) -> Experiment | None:
    try:
        made = declare(project, form.declaration(), Author.of_user(request.user))
    except ExperimentError as error:
        form.add_faults(error.faults)
        if not error.faults:
            form.definition.add_error(None, str(error))
        return None
    messages.success(request, "The draft is written. Nothing counts until it is started.")
    return made


@require_POST
@project_view(role=Role.EDITOR)
def act(request: PageRequest, project: Project, key: str) -> HttpResponse:
    """Start, pause, stop, or discard a draft, as the form's ``action`` says."""
    experiment = get_experiment(project.pk, key)
    action, author = request.POST.get("action", ""), Author.of_user(request.user)
    note = request.POST.get("note", "").replace("\0", "")[:2_000]
    try:
        if action == "discard":
            discard_draft(experiment, author)
            messages.success(request, "The draft is discarded.")
            return redirect("experiments:list", slug=project.slug)
        if action not in MOVES:
            raise Http404("no such action")
        change_status(experiment, action, author, now=timezone.now(), note=note)
        messages.success(request, DONE[action].format(unit=experiment.unit))
    except ExperimentError as error:
        messages.error(request, str(error))
    return redirect("experiments:detail", slug=project.slug, key=experiment.key)

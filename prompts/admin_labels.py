"""Labels in the prompts' admin: move, roll back, protect; ask, approve, reject, withdraw."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404

from core.access import PageRequest
from core.models import Role
from prompts.admin_access import act, act_on, author_of, prompt_view, tell_move, to_prompt
from prompts.admin_forms import DecisionForm, MoveForm, RollBackForm, SwitchForm
from prompts.labels import decide, move_label, protect_label, roll_back, withdraw
from prompts.models import LabelRequest, Prompt


@prompt_view("POST")
def move(request: PageRequest, prompt: Prompt) -> HttpResponse:
    """Let a label serve another version; ask for it where the label is protected."""
    form = MoveForm(request.POST)

    def do() -> str:
        said = form.cleaned_data
        number = said["version"] or None
        change = move_label(prompt, said["label"], number, said["reason"], author_of(request))
        return tell_move(change)

    act_on(request, form, do)
    return to_prompt(prompt)


@prompt_view("POST")
def roll_back_label(request: PageRequest, prompt: Prompt) -> HttpResponse:
    """One click: back to the version before, if the label is still where it was seen."""
    form = RollBackForm(request.POST)

    def do() -> str:
        said = form.cleaned_data
        change = roll_back(
            prompt, said["label"], said["reason"], author_of(request), seen=said["seen"]
        )
        return tell_move(change)

    act_on(request, form, do)
    return to_prompt(prompt)


@prompt_view("POST", role=Role.ADMIN)
def protect(request: PageRequest, prompt: Prompt) -> HttpResponse:
    form = SwitchForm(request.POST)

    def do() -> str:
        said = form.cleaned_data
        row = protect_label(prompt, said["label"], author_of(request), protected=said["on"])
        if row.is_protected:
            return f"{row.name} is protected: a second person approves each move."
        return f"{row.name} is protected no more."

    act_on(request, form, do)
    return to_prompt(prompt)


@prompt_view("POST", role=Role.ADMIN)
def decide_request(request: PageRequest, prompt: Prompt, request_id: int) -> HttpResponse:
    asked = get_object_or_404(LabelRequest, prompt=prompt, pk=request_id)
    form = DecisionForm(request.POST)

    def do() -> str:
        said = form.cleaned_data
        approve = said["decision"] == "approve"
        move = decide(asked, author_of(request), approve=approve, note=said["note"])
        return tell_move(move) if move is not None else "The request is rejected."

    act_on(request, form, do)
    return to_prompt(prompt)


@prompt_view("POST")
def withdraw_request(request: PageRequest, prompt: Prompt, request_id: int) -> HttpResponse:
    """Take a request back: one's own, or as an admin anybody's."""
    asked = get_object_or_404(LabelRequest, prompt=prompt, pk=request_id)
    if asked.actor_id != request.user.pk and not request.role.covers(Role.ADMIN):
        raise PermissionDenied("Only who asked, or an admin, may withdraw a request.")

    def do() -> str:
        withdraw(asked, author_of(request))
        return "The request is withdrawn."

    act(request, do)
    return to_prompt(prompt)

"""Labels: which published version applications are served, and who let it be so.

Each function is one transaction under the prompt's lock.
"""

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from prompts.acting import Author, PromptError, lock_prompt, note_change, published_version
from prompts.models import LabelMove, LabelRequest, Prompt, PromptLabel, PromptVersion


@transaction.atomic
def move_label(
    prompt: Prompt, label: str, number: int | None, reason: str, author: Author
) -> LabelMove | LabelRequest:
    """Let a label serve another published version, or none. A protected label gets a request."""
    prompt = lock_prompt(prompt)
    row, _ = PromptLabel.objects.get_or_create(prompt=prompt, name=_clean_label(label))
    target = published_version(prompt, number) if number is not None else None
    before = row.version.number if row.version else 0
    after = target.number if target else 0
    if not reason.strip():
        raise PromptError("reason_missing", "Say why the label moves.", field="reason")
    if before == after:
        raise PromptError("no_change", f"'{label}' is on {_name(before)} already.", field="version")
    if row.is_protected:
        return _request(prompt, row, (before, after), reason, author)
    return _move(prompt, row, target, (before, reason), author)


@transaction.atomic
def decide(
    request: LabelRequest, author: Author, *, approve: bool, note: str = ""
) -> LabelMove | None:
    """Approve or reject a request; nobody approves their own."""
    prompt = lock_prompt(request.prompt)
    request = LabelRequest.objects.get(pk=request.pk)
    row = PromptLabel.objects.select_related("version").get(prompt=prompt, name=request.label)
    current = row.version.number if row.version else 0
    is_pending = request.state == LabelRequest.State.PENDING
    # One asked for before moves closed requests may be pending, though its label moved.
    if request.state == LabelRequest.State.STALE or (
        is_pending and approve and current != request.from_number
    ):
        raise PromptError(
            "request_stale", f"'{row.name}' moved meanwhile and is on {_name(current)}: ask anew."
        )
    if not is_pending:
        raise PromptError("request_closed", f"The request is {request.get_state_display()}.")
    if approve and (author.user is None or author.user == request.actor):
        raise PromptError("own_request", "A second person must approve.")
    request.state = LabelRequest.State.APPROVED if approve else LabelRequest.State.REJECTED
    request.decided_by, request.decided_at = author.user, timezone.now()
    request.decision_note = note.strip()
    request.save()
    if not approve:
        note_change(prompt, author, "prompt.label.reject", label=row.name, to=request.to_number)
        return None
    target = published_version(prompt, request.to_number) if request.to_number else None
    asker = Author(request.actor, request.actor_label)
    return _move(prompt, row, target, (current, request.reason), asker, approved_by=author.user)


@transaction.atomic
def withdraw(request: LabelRequest, author: Author) -> None:
    prompt = lock_prompt(request.prompt)
    request = LabelRequest.objects.get(pk=request.pk)
    if request.state != LabelRequest.State.PENDING:
        raise PromptError("request_closed", f"The request is {request.get_state_display()}.")
    request.state = LabelRequest.State.WITHDRAWN
    request.decided_by, request.decided_at = author.user, timezone.now()
    request.save()
    note_change(prompt, author, "prompt.label.withdraw", label=request.label, to=request.to_number)


@transaction.atomic
def roll_back(
    prompt: Prompt, label: str, reason: str, author: Author, *, seen: int | None = None
) -> LabelMove | LabelRequest:
    """Move a label back to where it was before its last move.

    ``seen``: the version its author saw it on; "label_moved" when it is on another one by now.
    """
    prompt = lock_prompt(prompt)
    last = LabelMove.objects.filter(prompt=prompt, label=label).first()
    if last is None or not last.from_number:
        raise PromptError("nothing_before", f"'{label}' has served nothing else before.")
    if seen is not None and seen != last.to_number:
        raise PromptError("label_moved", f"'{label}' is on {_name(last.to_number)} by now.")
    why = reason.strip() or f"Roll back from v{last.to_number}."
    return move_label(prompt, label, last.from_number, why, author)


@transaction.atomic
def protect_label(prompt: Prompt, label: str, author: Author, *, protected: bool) -> PromptLabel:
    prompt = lock_prompt(prompt)
    row, _ = PromptLabel.objects.get_or_create(prompt=prompt, name=_clean_label(label))
    if row.is_protected != protected:
        row.is_protected = protected
        row.save()
        action = "prompt.label.protect" if protected else "prompt.label.unprotect"
        note_change(prompt, author, action, label=row.name)
    return row


def _clean_label(label: str) -> str:
    row = PromptLabel(name=label)
    row.clean_fields(exclude=["prompt", "version"])
    return row.name


def _request(
    prompt: Prompt, row: PromptLabel, way: tuple[int, int], reason: str, author: Author
) -> LabelRequest:
    waiting = _pending(prompt, row).first()
    if waiting is not None:
        raise PromptError(
            "request_pending",
            f"A move of '{row.name}' to {_name(waiting.to_number)} waits for approval already:"
            " it must be rejected or withdrawn first.",
        )
    note_change(prompt, author, "prompt.label.request", label=row.name, to=way[1])
    return LabelRequest.objects.create(
        prompt=prompt,
        label=row.name,
        from_number=way[0],
        to_number=way[1],
        reason=reason.strip(),
        actor=author.user,
        actor_label=author.label,
    )


def _pending(prompt: Prompt, row: PromptLabel) -> QuerySet[LabelRequest]:
    return LabelRequest.objects.filter(
        prompt=prompt, label=row.name, state=LabelRequest.State.PENDING
    )


def _move(
    prompt: Prompt,
    row: PromptLabel,
    target: PromptVersion | None,
    said: tuple[int, str],
    author: Author,
    *,
    approved_by: User | None = None,
) -> LabelMove:
    before, reason = said
    # What was asked for another state is overtaken, even when the label comes back to that one.
    _pending(prompt, row).update(state=LabelRequest.State.STALE)
    row.version = target
    row.save()
    move = LabelMove.objects.create(
        prompt=prompt,
        label=row.name,
        from_number=before,
        to_number=target.number if target else 0,
        reason=reason.strip(),
        actor=author.user,
        actor_label=author.label,
        approved_by=approved_by,
    )
    detail: dict[str, Any] = {"from": before, "to": move.to_number, "reason": move.reason}
    if approved_by is not None:
        detail["approved_by"] = approved_by.get_username()
    note_change(prompt, author, "prompt.label.move", label=row.name, **detail)
    return move


def _name(number: int) -> str:
    return f"v{number}" if number else "no version"

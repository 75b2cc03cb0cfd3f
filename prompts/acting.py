"""Who changes prompts, what can go wrong, and the lock under which a prompt changes."""

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.db.models import F

from core.audit import record_audit
from prompts.models import Prompt, PromptCatalogue, PromptVersion
from prompts.webhooks import announce


class PromptError(ValueError):
    """What cannot be done. ``code`` is a word for programs, ``field`` what it is about."""

    def __init__(self, code: str, message: str, *, field: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.field = field


@dataclass(frozen=True, slots=True)
class Author:
    """Who acts: a user, or an API key or command by its name."""

    user: User | None
    label: str

    @classmethod
    def of_user(cls, user: User) -> "Author":
        return cls(user, user.get_username())


def lock_prompt(prompt: Prompt) -> Prompt:
    """Lock the prompt's row: first, always. Raises PromptError when it is archived."""
    locked = Prompt.objects.select_for_update().select_related("project").get(pk=prompt.pk)
    if locked.archived_at is not None:
        raise PromptError("archived", f"'{locked.key}' is archived.")
    return locked


def published_version(prompt: Prompt, number: int) -> PromptVersion:
    """The version of that number. Raises PromptError for none, and for a draft."""
    version = prompt.versions.filter(number=number).first()
    if version is None:
        raise PromptError("no_such_version", f"There is no v{number}.", field="version")
    if not version.is_published:
        raise PromptError("not_published", f"v{number} is a draft: publish it.", field="version")
    return version


def note_change(prompt: Prompt, author: Author, action: str, **detail: Any) -> None:
    """Audit a change, tell webhooks, and let clients know that what they fetched may be old."""
    changed = PromptCatalogue.objects.filter(pk=prompt.project_id)
    if not changed.update(revision=F("revision") + 1):
        PromptCatalogue.objects.bulk_create(
            [PromptCatalogue(project=prompt.project)], ignore_conflicts=True
        )
        changed.update(revision=F("revision") + 1)
    record_audit(
        prompt.project,
        author.user,
        action,
        target=prompt.key,
        detail=detail,
        actor_label=author.label,
    )
    announce(prompt, author.label, action, detail)

"""Prompts, drafts, published versions: each function is one transaction under the lock."""

import re
from dataclasses import dataclass
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from core.models import Project
from prompts.acting import Author, PromptError, lock_prompt, note_change
from prompts.models import Prompt, PromptVersion
from prompts.rendering import MAX_TEMPLATE_BYTES, find_variables

ROLES = ("system", "developer", "user", "assistant", "tool")
MAX_MESSAGES = 200

_SURROGATE = re.compile("[\ud800-\udfff]")  # JSON can say one; UTF-8 and PostgreSQL cannot


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What an author writes."""

    system: str = ""
    user_template: str = ""
    messages: list[dict[str, Any]] | None = None  # [{"role", "content"}]
    variables: tuple[dict[str, str], ...] = ()
    recommended_config: str = ""
    note: str = ""


@transaction.atomic
def create_prompt(
    project: Project,
    key: str,
    author: Author,
    *,
    name: str = "",
    description: str = "",
    tags: list[str] | None = None,
) -> Prompt:
    """Raises PromptError when the key is taken, ValidationError when a field is malformed."""
    same = Prompt.objects.filter(project=project, key=key)
    taken = PromptError("key_taken", f"A prompt '{key}' exists already.", field="key")
    if same.exists():
        raise taken
    prompt = Prompt(
        project=project,
        key=key,
        name=name,
        description=description,
        tags=tags or [],
        created_by=author.user,
    )
    prompt.full_clean(validate_unique=False, validate_constraints=False)
    try:
        with transaction.atomic():
            prompt.save()
    except IntegrityError as error:
        if same.exists():  # made at this moment by somebody else
            raise taken from error
        raise
    note_change(prompt, author, "prompt.create")
    return prompt


@transaction.atomic
def create_draft(
    prompt: Prompt,
    draft: Draft,
    author: Author,
    *,
    base: int | None = None,
    number: int | None = None,
) -> PromptVersion:
    """Add a draft on top of the version ``base``, or the newest, as the next number.

    An import says a ``number``, which must be free.
    """
    prompt = lock_prompt(prompt)
    check_draft(draft)
    if number is not None and prompt.versions.filter(number=number).exists():
        raise PromptError("number_taken", f"v{number} is taken.", field="number")
    newest = prompt.versions.order_by("-number").first()
    parent = newest if base is None else prompt.versions.filter(number=base).first()
    version = PromptVersion(
        prompt=prompt,
        number=number or (newest.number + 1 if newest else 1),
        parent=parent,
        author=author.user,
        author_label=author.label,
    )
    _fill(version, draft)
    version.save()
    note_change(prompt, author, "prompt.draft", version=version.number)
    return version


@transaction.atomic
def save_draft(
    version: PromptVersion, draft: Draft, author: Author, *, revision: int
) -> PromptVersion:
    """Overwrite a draft as its editor saw it; "draft_changed" when someone else saved since."""
    lock_prompt(version.prompt)
    version = _read_draft(version)
    _check_revision(version, revision, "Compare, then save again.")
    check_draft(draft)
    _fill(version, draft)
    version.author, version.author_label = author.user, author.label
    version.revision += 1
    version.updated_at = timezone.now()
    version.save()
    note_change(
        version.prompt, author, "prompt.draft.save", version=version.number, save=version.revision
    )
    return version


@transaction.atomic
def discard_draft(version: PromptVersion, author: Author) -> None:
    prompt = lock_prompt(version.prompt)
    version = _read_draft(version)
    number = version.number
    version.children.filter(published_at=None).update(parent=version.parent)
    child = version.children.first()
    if child is not None:
        raise PromptError("has_children", f"v{child.number} was written on top of v{number}.")
    version.delete()
    note_change(prompt, author, "prompt.discard", version=number)


@transaction.atomic
def publish(
    version: PromptVersion, note: str, author: Author, *, revision: int | None = None
) -> PromptVersion:
    """Make a draft immutable. Raises PromptError without a note, or without a change.

    With the ``revision`` that its publisher read, nothing else is published: "draft_changed".
    """
    prompt = lock_prompt(version.prompt)
    version = _read_draft(version)
    if revision is not None:
        _check_revision(version, revision, "Read it again, then publish.")
    if not note.strip():
        raise PromptError("note_missing", "Say what changed and why.", field="note")
    before = prompt.versions.exclude(published_at=None).order_by("-number").first()
    if before is not None and _content(before) == _content(version):
        raise PromptError("no_change", f"v{version.number} says the same as v{before.number}.")
    version.note = note.strip()
    version.published_at = version.updated_at = timezone.now()
    version.save()
    note_change(prompt, author, "prompt.publish", version=version.number, note=version.note)
    return version


@transaction.atomic
def rename_prompt(
    prompt: Prompt, author: Author, *, name: str, description: str, tags: list[str]
) -> Prompt:
    """Change what people read of a prompt; its key stays."""
    prompt = lock_prompt(prompt)
    before = (prompt.name, prompt.description, prompt.tags)
    prompt.name, prompt.description, prompt.tags = name, description, tags
    prompt.full_clean(validate_unique=False, validate_constraints=False)
    if before != (name, description, tags):
        prompt.save()
        note_change(prompt, author, "prompt.rename", name=name, tags=tags)
    return prompt


@transaction.atomic
def set_archived(prompt: Prompt, author: Author, *, archived: bool) -> Prompt:
    """An archived prompt is served no more and takes no drafts; nothing of it is deleted."""
    prompt = Prompt.objects.select_for_update().get(pk=prompt.pk)
    if (prompt.archived_at is not None) != archived:
        prompt.archived_at = timezone.now() if archived else None
        prompt.save()
        note_change(prompt, author, "prompt.archive" if archived else "prompt.unarchive")
    return prompt


def check_draft(draft: Draft) -> None:
    """Raise PromptError for texts too long and messages of no chat."""
    _check_length("system", draft.system)
    _check_length("user_template", draft.user_template)
    if draft.messages is None:
        return
    if len(draft.messages) > MAX_MESSAGES:
        raise PromptError("too_many_messages", f"At most {MAX_MESSAGES}.", field="messages")
    for index, message in enumerate(draft.messages):
        place = f"messages[{index}]"
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            raise PromptError("bad_message", f"A role is one of {', '.join(ROLES)}.", field=place)
        if not isinstance(message.get("content"), str) or message.keys() - {"role", "content"}:
            raise PromptError("bad_message", 'A message is {"role", "content"}.', field=place)
        _check_length(place, message["content"])


def _check_length(field: str, text: str) -> None:
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > MAX_TEMPLATE_BYTES:
        raise PromptError(
            "too_large",
            f"{size:,} bytes; a template holds at most {MAX_TEMPLATE_BYTES:,}.",
            field=field,
        )
    if "\0" in text:
        raise PromptError("bad_text", "A template cannot hold the NUL character.", field=field)
    if _SURROGATE.search(text):
        raise PromptError("bad_text", "A template cannot hold half a surrogate pair.", field=field)


def _read_draft(version: PromptVersion) -> PromptVersion:
    """The draft as it is by now. Raises PromptError when it was published or discarded."""
    now = PromptVersion.objects.select_related("prompt").filter(pk=version.pk).first()
    if now is None:
        raise PromptError("discarded", f"The draft v{version.number} was discarded.")
    if now.is_published:
        raise PromptError("published", f"v{now.number} is published: it never changes.")
    return now


def _check_revision(version: PromptVersion, revision: int, advice: str) -> None:
    if version.revision != revision:
        raise PromptError(
            "draft_changed",
            f"{version.author_label or 'Somebody'} saved this draft at"
            f" {version.updated_at:%H:%M:%S} UTC. {advice}",
        )


def _fill(version: PromptVersion, draft: Draft) -> None:
    version.system, version.user_template = draft.system, draft.user_template
    version.messages = draft.messages
    version.variables = list(draft.variables)
    version.recommended_config, version.note = draft.recommended_config, draft.note
    contents = [message["content"] for message in draft.messages or ()]
    version.variables_found = find_variables([draft.system, draft.user_template, *contents])


def _content(version: PromptVersion) -> tuple[object, ...]:
    return (
        version.system,
        version.user_template,
        version.messages,
        version.variables,
        version.recommended_config,
    )

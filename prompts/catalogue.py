"""What applications are served: versions by number or label, and all versions for a client's cache.

Answers are kept by this process for as long as the project's prompts stay as they are; asking
whether they did is one look-up by primary key.
"""

from dataclasses import dataclass
from typing import Any

from prompts.acting import PromptError
from prompts.models import PRODUCTION, Prompt, PromptCatalogue, PromptVersion
from prompts.rendering import Message, Texts

MAX_PROJECTS = 200
MAX_KEPT = 500  # answers of one project

Answer = Any  # JSON of this module's own making

_kept: dict[int, tuple[int, dict[str, Answer]]] = {}
"""By project: a revision and its answers; those of the revision before go with it."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Which version: a number, or a label; neither: production, else the newest published one."""

    version: int | None = None
    label: str = ""


def revision_of(project_id: int) -> int:
    found = PromptCatalogue.objects.filter(pk=project_id).values_list("revision", flat=True)
    return found.first() or 0


def etag_of(project_id: int, revision: int) -> str:
    return f'"prompts-{project_id}-{revision}"'


def resolve(project_id: int, key: str, selector: Selector) -> PromptVersion:
    """The published version asked for. Raises PromptError: "not_found" and what is missing."""
    prompt = Prompt.objects.filter(project_id=project_id, key=key, archived_at=None).first()
    if prompt is None:
        raise PromptError("not_found", f"There is no prompt '{key}'.")
    versions = prompt.versions.exclude(published_at=None).select_related("prompt")
    if selector.version is not None:
        return _found(versions.filter(number=selector.version).first(), f"v{selector.version}", key)
    if selector.label:
        labelled = versions.filter(labels__name=selector.label).first()
        return _found(labelled, f"version under the label '{selector.label}'", key)
    current = versions.filter(labels__name=PRODUCTION).first() or versions.first()
    return _found(current, "published version", key)


def _found(version: PromptVersion | None, what: str, key: str) -> PromptVersion:
    if version is None:
        raise PromptError("not_found", f"'{key}' has no {what}.")
    return version


def resolved_body(project_id: int, key: str, selector: Selector, revision: int) -> Answer:
    """What ``/resolve`` answers."""
    kept, place = _answers_of(project_id, revision), f"{key}\0{selector.version}\0{selector.label}"
    if (body := kept.get(place)) is None:
        version = resolve(project_id, key, selector)
        labels = version.labels.order_by("name").values_list("name", flat=True)
        body = _keep(
            kept,
            place,
            {
                "key": key,
                "version": version.number,
                "system": version.system,
                "user_template": version.user_template,
                "messages": version.messages,
                "variables": version.variables_found,
                "labels": list(labels),
                "recommended_config": version.recommended_config,
            },
        )
    return body


def fallom_body(project_id: int, revision: int) -> Answer:
    """What Fallom's clients keep: every published version, ascending, the current one last.

    The last entry of a key is its current version, and both texts must be strings: a client stops
    reading the list at the first that is not (fallom-python 0.2.7).
    """
    kept = _answers_of(project_id, revision)
    if (body := kept.get("")) is None:
        body = _keep(kept, "", {"prompts": _fallom_entries(project_id)})
    return body


def _fallom_entries(project_id: int) -> list[Answer]:
    versions = (
        PromptVersion.objects.filter(prompt__project_id=project_id, prompt__archived_at=None)
        .exclude(published_at=None)
        .order_by("prompt__key", "number")
        .values_list("prompt__key", "number", "system", "user_template", "messages", "pk")
    )
    current = set(
        PromptVersion.objects.filter(
            prompt__project_id=project_id, labels__name=PRODUCTION
        ).values_list("pk", flat=True)
    )
    rows = sorted(versions, key=lambda row: (row[0], row[5] in current, row[1]))
    return [_fallom_entry(*row[:5]) for row in rows]


def _fallom_entry(
    key: str, number: int, system: str, user: str, messages: list[dict[str, str]] | None
) -> Answer:
    said = messages or []
    instructions = [each["content"] for each in said if each["role"] in ("system", "developer")]
    asked = [each["content"] for each in said if each["role"] == "user"]
    return {
        "key": key,
        "version": number,
        "system_prompt": system or "\n\n".join(instructions),
        "user_template": user or "\n\n".join(asked),
    }


def _answers_of(project_id: int, revision: int) -> dict[str, Answer]:
    found = _kept.get(project_id)
    if found is None or found[0] != revision:
        if len(_kept) >= MAX_PROJECTS:
            _kept.clear()
        found = _kept[project_id] = revision, {}
    return found[1]


def _keep(kept: dict[str, Answer], place: str, body: Answer) -> Answer:
    if len(kept) >= MAX_KEPT:
        kept.clear()
    kept[place] = body
    return body


def forget() -> None:
    """Drop what this process keeps (tests make new databases)."""
    _kept.clear()


def texts_of(version: PromptVersion) -> Texts:
    """A version as what is rendered."""
    said = version.messages
    messages = None if said is None else tuple(Message(m["role"], m["content"]) for m in said)
    return Texts(version.system, version.user_template, messages)

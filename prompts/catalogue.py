"""What applications are served: versions by number or label, and all versions for a client's cache.

Answers are kept by this process for as long as the project's prompts stay as they are; asking
whether they did is one look-up by primary key.
"""

from dataclasses import dataclass
from typing import Any

import msgspec

from prompts.acting import PromptError
from prompts.drafts import Draft
from prompts.models import PRODUCTION, Prompt, PromptVersion
from prompts.rendering import Message, Texts
from tracking.statements import fetch_one

MAX_BYTES = 32 * 1024 * 1024
"""Of all answers that a process keeps; beyond it they are made again."""

REVISION = "SELECT revision FROM prompts_promptcatalogue WHERE project_id = %s"

# After a change every prompt is asked for anew, all within a second: composing this by the ORM
# takes ten times as long as PostgreSQL takes to answer it.
RESOLVE = """
SELECT v.number, v.system, v.user_template, v.messages::text, v.variables_found,
    v.recommended_config, ARRAY(
        SELECT l.name FROM prompts_promptlabel l WHERE l.version_id = v.id ORDER BY l.name
    )
FROM prompts_prompt p
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN %(version)s::int IS NOT NULL THEN (
            SELECT n.id FROM prompts_promptversion n
            WHERE n.prompt_id = p.id AND n.number = %(version)s::int
        )
        WHEN %(label)s <> '' THEN (
            SELECT l.version_id FROM prompts_promptlabel l
            WHERE l.prompt_id = p.id AND l.name = %(label)s
        )
        ELSE coalesce(
            (
                SELECT l.version_id FROM prompts_promptlabel l
                WHERE l.prompt_id = p.id AND l.name = %(production)s
            ),
            (
                SELECT n.id FROM prompts_promptversion n
                WHERE n.prompt_id = p.id AND n.published_at IS NOT NULL
                ORDER BY n.number DESC LIMIT 1
            )
        )
    END AS id
) chosen
JOIN prompts_promptversion v ON v.id = chosen.id AND v.published_at IS NOT NULL
WHERE p.project_id = %(project_id)s AND p.key = %(key)s AND p.archived_at IS NULL
"""

Json = Any  # of this module's own making

_kept: dict[int, tuple[int, dict[str, bytes]]] = {}
"""By project: a revision and its answers, encoded; those of the revision before go with it."""

_sizes: dict[int, int] = {}
"""Bytes of a project's answers, by their identity."""


@dataclass(frozen=True, slots=True)
class Selector:
    """Which version: a number, or a label; neither: production, else the newest published one."""

    version: int | None = None
    label: str = ""


class Served(msgspec.Struct, frozen=True):
    """A published version as it is handed out; ``messages`` is the JSON that is stored, or None."""

    number: int
    system: str
    user_template: str
    messages_json: str | None
    variables_found: list[str]
    recommended_config: str
    label_names: list[str]

    @property
    def messages(self) -> Json:
        return None if self.messages_json is None else msgspec.json.decode(self.messages_json)


def revision_of(project_id: int) -> int:
    row = fetch_one(REVISION, [project_id])
    return row[0] if row else 0


def etag_of(project_id: int, revision: int) -> str:
    return f'"prompts-{project_id}-{revision}"'


def resolve(project_id: int, key: str, selector: Selector) -> Served:
    """The published version asked for. Raises PromptError: "not_found" and what is missing."""
    if "\0" in key:  # which PostgreSQL does not take
        raise PromptError("not_found", "There is no such prompt.")
    row = fetch_one(
        RESOLVE,
        {
            "project_id": project_id,
            "key": key,
            "version": selector.version,
            "label": selector.label,
            "production": PRODUCTION,
        },
    )
    if row is None:
        raise PromptError("not_found", _missing(project_id, key, selector))
    return Served(*row)


def _missing(project_id: int, key: str, selector: Selector) -> str:
    if not Prompt.objects.filter(project_id=project_id, key=key, archived_at=None).exists():
        return f"There is no prompt '{key}'."
    what = "published version"
    if selector.version is not None:
        what = f"v{selector.version}"
    elif selector.label:
        what = f"version under the label '{selector.label}'"
    return f"'{key}' has no {what}."


def resolved_body(project_id: int, key: str, selector: Selector, revision: int) -> bytes:
    """What ``/resolve`` answers, as JSON."""
    kept, place = _answers_of(project_id, revision), f"{key}\0{selector.version}\0{selector.label}"
    if (body := kept.get(place)) is None:
        version = resolve(project_id, key, selector)
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
                "labels": version.label_names,
                "recommended_config": version.recommended_config,
            },
        )
    return body


def fallom_body(project_id: int, revision: int) -> bytes:
    """What Fallom's clients keep: every published version, ascending, the current one last.

    The last entry of a key is its current version, and both texts must be strings: a client stops
    reading the list at the first that is not (fallom-python 0.2.7).
    """
    kept = _answers_of(project_id, revision)
    if (body := kept.get("")) is None:
        body = _keep(kept, "", {"prompts": _fallom_entries(project_id)})
    return body


def _fallom_entries(project_id: int) -> list[Json]:
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
) -> Json:
    said = messages or []
    instructions = [each["content"] for each in said if each["role"] in ("system", "developer")]
    asked = [each["content"] for each in said if each["role"] == "user"]
    return {
        "key": key,
        "version": number,
        "system_prompt": system or "\n\n".join(instructions),
        "user_template": user or "\n\n".join(asked),
    }


def _answers_of(project_id: int, revision: int) -> dict[str, bytes]:
    found = _kept.get(project_id)
    if found is None or found[0] != revision:
        if found is not None:
            _sizes.pop(id(found[1]), None)
        found = _kept[project_id] = revision, {}
    return found[1]


def _keep(kept: dict[str, bytes], place: str, answer: Json) -> bytes:
    body = msgspec.json.encode(answer)
    if len(body) + sum(_sizes.values()) > MAX_BYTES:
        _kept.clear()
        _sizes.clear()
    kept[place] = body
    _sizes[id(kept)] = _sizes.get(id(kept), 0) + len(body)
    return body


def forget() -> None:
    """Drop what this process keeps (tests make new databases)."""
    _kept.clear()
    _sizes.clear()


def texts_of(version: PromptVersion | Served | Draft) -> Texts:
    """A version, or what is written of one, as what is rendered."""
    said = version.messages
    messages = None if said is None else tuple(Message(m["role"], m["content"]) for m in said)
    return Texts(version.system, version.user_template, messages)

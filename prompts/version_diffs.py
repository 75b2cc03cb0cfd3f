"""What differs between two versions of a prompt, text by text."""

from dataclasses import dataclass

from prompts.diffs import ADDED, REMOVED, SAME, Stretch, diff_texts, fold
from prompts.drafts import Draft
from prompts.models import PromptVersion

MAX_LINES = 4_000  # shown of each section
MAX_COMPARED = 1_000_000  # characters of the messages together; a template is shorter anyway

Content = PromptVersion | Draft  # what is written, or what is being written


@dataclass(frozen=True, slots=True)
class Section:
    """One text of both versions; ``added`` and ``removed`` count its lines.

    ``hidden`` lines at the end are in no stretch.
    """

    title: str
    stretches: list[Stretch]
    added: int
    removed: int
    hidden: int = 0


def diff_versions(old: Content | None, new: Content) -> list[Section]:
    """The sections that differ; without an old version, all that the new one says."""
    before = dict(_texts_of(old)) if old is not None else {}
    sections = []
    for title, text in _texts_of(new):
        lines = diff_texts(before.get(title, ""), text)
        kinds = [line.kind for line in lines]
        if any(kind != SAME for kind in kinds):
            shown, hidden = _first_lines(fold(lines), MAX_LINES)
            sections.append(Section(title, shown, kinds.count(ADDED), kinds.count(REMOVED), hidden))
    return sections


def _first_lines(stretches: list[Stretch], room: int) -> tuple[list[Stretch], int]:
    """The stretches with at most so many lines, and how many are left out."""
    shown: list[Stretch] = []
    hidden = 0
    for stretch in stretches:
        lines = stretch.lines[:room]
        if lines:
            shown.append(Stretch(lines, stretch.folded))
        hidden += len(stretch.lines) - len(lines)
        room -= len(lines)
    return shown, hidden


def _texts_of(content: Content) -> list[tuple[str, str]]:
    messages = [f"{each['role']}:\n{each['content']}" for each in content.messages or ()]
    return [
        ("System", content.system),
        ("User template", content.user_template),
        ("Messages", "\n\n".join(messages)[:MAX_COMPARED]),
        ("Variables", "\n".join(_variable_line(each) for each in content.variables)),
        ("Recommended config", content.recommended_config),
    ]


def _variable_line(variable: dict[str, str]) -> str:
    line = f"{variable['name']} ({variable.get('type', 'text')})"
    if variable.get("example"):
        line += f" = {variable['example']!r}"
    if variable.get("description"):
        line += f": {variable['description']}"
    return line

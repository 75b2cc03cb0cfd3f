"""What a template becomes with example values, piece by piece, for its writer to look at. Pure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from prompts.rendering import Lint, Texts, lint_template, render, split_template

MAX_SHOWN = 100_000  # characters of all texts together


class Shown(msgspec.Struct, frozen=True):
    """A piece as it reads. ``name``: the variable it stands for, ``filled`` if it has a value."""

    text: str
    name: str = ""
    filled: bool = False


class Part(msgspec.Struct, frozen=True):
    """One text of a version; ``hidden`` characters of it are not among the pieces."""

    title: str
    pieces: tuple[Shown, ...]
    lints: tuple[Lint, ...]
    hidden: int = 0


class Preview(msgspec.Struct, frozen=True):
    """``missing`` names have no example, ``undeclared`` no declaration; ``unused`` no place."""

    parts: tuple[Part, ...]
    missing: tuple[str, ...]
    unused: tuple[str, ...]
    undeclared: tuple[str, ...]


def examples_of(variables: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """The example of each variable that has one."""
    return {each["name"]: each["example"] for each in variables if each.get("example")}


def preview(texts: Texts, variables: Sequence[Mapping[str, str]]) -> Preview:
    """Raises RenderError where ``render`` would: beyond its bounds."""
    values = examples_of(variables)
    rendered = render(texts, values)
    declared = {each["name"] for each in variables}
    found = {name for part in texts.templates() for name in _names(part)}
    parts: list[Part] = []
    room = MAX_SHOWN
    for title, template in titled(texts):
        parts.append(_part(title, template, values, room))
        room -= sum(len(piece.text) for piece in parts[-1].pieces)
    return Preview(
        tuple(parts),
        rendered.missing,
        tuple(each["name"] for each in variables if each["name"] not in found),
        tuple(name for name in rendered.missing if name not in declared),
    )


def titled(texts: Texts) -> list[tuple[str, str]]:
    """The texts that say something, each under what it is."""
    named = [("System", texts.system), ("User template", texts.user)]
    named += [
        (f"Message {number}: {message.role}", message.content)
        for number, message in enumerate(texts.messages or (), 1)
    ]
    return [(title, text) for title, text in named if text]


def _names(template: str) -> set[str]:
    return {place.name for place in split_template(template) if place.name}


def _part(title: str, template: str, values: Mapping[str, str], room: int) -> Part:
    pieces: list[Shown] = []
    hidden = 0
    for place in split_template(template):
        name = place.name or ""
        text = values.get(name, place.text)
        if room > 0:
            pieces.append(Shown(text[:room], name, name in values))
        hidden += max(0, len(text) - room)
        room = max(0, room - len(text))
    by_line: dict[int, Lint] = {}
    for lint in lint_template(template):
        by_line.setdefault(lint.line, lint)  # what is odd in a line is odd in its rest, too
    return Part(title, tuple(pieces), tuple(by_line.values()), hidden)

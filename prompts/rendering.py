"""Templates to texts: one pass over ``{{ name }}``, nothing else. Pure.

The rules are those of Fallom's clients (fallom-python 0.2.7): a prompt rendered here, in Python or
in JavaScript reads the same. A name is ``\\w+`` with spaces around it; one without a value stays as
it is written; a value is never looked at again. There are no filters, no conditions, no dots.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import msgspec

MAX_TEMPLATE_BYTES = 256 * 1024
MAX_RENDERED_BYTES = 4 * 1024 * 1024
MAX_VARIABLES = 1_000

_VARIABLE = re.compile(r"\{\{(\s*\w+\s*)\}\}")
_BRACES = re.compile(r"\{\{+|\}\}+")


class RenderError(ValueError):
    """The texts cannot be rendered within bounds. ``code`` is a word for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Message(msgspec.Struct, frozen=True):
    """A message of a chat; its content is a template as the texts are."""

    role: str
    content: str


class Texts(msgspec.Struct, frozen=True):
    """What a version holds, before or after rendering."""

    system: str = ""
    user: str = ""
    messages: tuple[Message, ...] | None = None

    def templates(self) -> list[str]:
        contents = [message.content for message in self.messages or ()]
        return [self.system, self.user, *contents]


class Rendered(msgspec.Struct, frozen=True):
    """``missing``: names the texts use that have no value; ``unused``: values no text uses."""

    texts: Texts
    missing: tuple[str, ...]
    unused: tuple[str, ...]


class Place(msgspec.Struct, frozen=True):
    """A piece of a template: a variable's name, or text that stays (``name`` is None)."""

    text: str
    name: str | None = None


class Lint(msgspec.Struct, frozen=True):
    """Something a writer may not have meant; ``line`` counts from 1."""

    line: int
    code: str
    message: str


def find_variables(templates: Iterable[str]) -> list[str]:
    """The names that the templates use, each once, in order of appearance."""
    found = chain.from_iterable(map(_VARIABLE.findall, templates))
    return list(dict.fromkeys(name.strip() for name in found))


def split_template(template: str) -> list[Place]:
    """The pieces of a template in order, for pages that mark its variables."""
    places: list[Place] = []
    end = 0
    for match in _VARIABLE.finditer(template):
        if match.start() > end:
            places.append(Place(template[end : match.start()]))
        places.append(Place(match[0], match[1].strip()))
        end = match.end()
    if end < len(template):
        places.append(Place(template[end:]))
    return places


def render(texts: Texts, variables: Mapping[str, object]) -> Rendered:
    """Fill the variables of all texts. Raises RenderError beyond the bounds."""
    if len(variables) > MAX_VARIABLES:
        raise RenderError(
            "too_many_variables", f"{len(variables):,} variables; at most {MAX_VARIABLES:,}."
        )
    values = {name: as_text(value) for name, value in variables.items()}
    pieces = [_VARIABLE.split(template) for template in texts.templates()]
    counts = Counter(chain.from_iterable(each[1::2] for each in pieces))
    _check_size(texts.templates(), counts, values)
    fills = {raw: values.get(raw.strip(), f"{{{{{raw}}}}}") for raw in counts}
    system, user, *contents = [_join(each, fills) for each in pieces]
    messages = texts.messages and tuple(
        Message(message.role, content)
        for message, content in zip(texts.messages, contents, strict=True)
    )
    names = dict.fromkeys(raw.strip() for raw in counts)
    missing = tuple(name for name in names if name not in values)
    unused = tuple(name for name in values if name not in names)
    return Rendered(Texts(system, user, messages), missing, unused)


def _join(pieces: list[str], fills: Mapping[str, str]) -> str:
    """A template of its pieces: texts, and between any two of them what a variable became."""
    pieces[1::2] = map(fills.__getitem__, pieces[1::2])
    return "".join(pieces)


def _check_size(
    templates: Sequence[str], counts: Mapping[str, int], values: Mapping[str, str]
) -> None:
    """Refuse before anything is built: a short template can name a long value a thousand times."""
    size = sum(map(len, templates))
    size += sum(len(values.get(raw.strip(), "")) * count for raw, count in counts.items())
    if size > MAX_RENDERED_BYTES:
        raise RenderError("rendered_too_large", f"More than {MAX_RENDERED_BYTES:,} characters.")


def as_text(value: object) -> str:
    """A value as a client would write it: texts as they are, anything else as compact JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def lint_template(template: str) -> list[Lint]:
    """What looks like a variable and is none, and braces without a partner: it stays literal."""
    found = []
    taken = {index for match in _VARIABLE.finditer(template) for index in range(*match.span())}
    line, counted = 1, 0
    for match in _BRACES.finditer(template):
        if match.start() in taken:
            continue
        line += template.count("\n", counted, match.start())
        counted = match.start()
        rest = template[match.start() : match.start() + 40].split("\n")[0]
        found.append(Lint(line, "literal_braces", f"'{rest}' is no variable and stays as it is."))
    return found

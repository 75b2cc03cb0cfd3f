"""Prompts as JSON text: what a file says, read strictly. Pure.

What is refused is refused with the file and the line. Times and authors are not in files: they are
the project's own.
"""

import json
import re
from typing import Any, TypeVar

import msgspec

from core.database.types import MAX_INT4

FORMAT = 1
VARIABLE_TYPES = ("text", "number", "boolean", "json")

T = TypeVar("T")

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")
_AT = re.compile(r"^(.*?)(?: - at `(?:key in )?`?\$(.*?)`)?$", re.DOTALL)


class FileError(ValueError):
    """A file that cannot be read, as ``<file>:<line>: <what>``; line 0: no particular one."""

    def __init__(self, name: str, line: int, message: str) -> None:
        super().__init__(f"{name}:{line}: {message}" if line else f"{name}: {message}")


class Strict(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    pass


class VariableFile(Strict, frozen=True):
    name: str
    type: str = "text"
    example: str = ""
    description: str = ""


class MessageFile(Strict, frozen=True):
    role: str
    content: str


class VersionFile(Strict, frozen=True):
    """``parent``: the number it was written on top of, 0 for none."""

    number: int
    system: str = ""
    user_template: str = ""
    messages: list[MessageFile] | None = None
    variables: list[VariableFile] = []
    recommended_config: str = ""
    note: str = ""
    published: bool = False
    parent: int = 0


class LabelFile(Strict, frozen=True):
    name: str
    version: int | None
    protected: bool = False


class PromptFile(Strict, frozen=True):
    """In a JSON file with all its versions; of a folder with the current one alone."""

    key: str
    name: str = ""
    description: str = ""
    tags: list[str] = []
    archived: bool = False
    labels: list[LabelFile] = []
    versions: list[VersionFile] = []


class PromptsFile(Strict, frozen=True):
    """All versions of all prompts of a project."""

    assay_prompts: int
    prompts: list[PromptFile]


def write_json(value: msgspec.Struct) -> str:
    """Indented, in the order of the fields, with a newline at the end."""
    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2) + "\n"


def read_prompts(name: str, text: str) -> list[PromptFile]:
    """The prompts of a JSON file. Raises FileError."""
    found = read_json(name, text, PromptsFile)
    if found.assay_prompts != FORMAT:
        line = line_of(text, ".assay_prompts")
        raise FileError(name, line, f"assay_prompts {found.assay_prompts} is not read, {FORMAT} is")
    check_prompts([(name, text, f".prompts[{i}]", each) for i, each in enumerate(found.prompts)])
    return found.prompts


def read_json(name: str, text: str, kind: type[T]) -> T:
    """Raises FileError."""
    try:
        value = json.loads(text, object_pairs_hook=_no_pair_twice)
    except json.JSONDecodeError as error:
        raise FileError(name, error.lineno, f"no JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise FileError(name, 0, f"no JSON: {error}") from error
    try:
        read = msgspec.convert(value, kind, strict=True)
    except msgspec.ValidationError as error:
        message, path = _AT.fullmatch(str(error)).groups("")  # type: ignore[union-attr]
        what = f"{path[1:]}: {message}" if path else message
        raise FileError(name, line_of(text, path), what) from error
    if found := _find_unstorable(value):
        raise FileError(name, 0, f"{found} holds a NUL or half a surrogate pair")
    return read


def check_prompts(placed: list[tuple[str, str, str, PromptFile]]) -> None:
    """What types cannot say, of (file, its text, path in it, prompt). Raises FileError."""
    seen: set[str] = set()
    for name, text, path, prompt in placed:
        if prompt.key in seen:
            raise FileError(name, line_of(text, f"{path}.key"), f"'{prompt.key}' is there twice")
        seen.add(prompt.key)
        numbers: set[int] = set()
        for index, version in enumerate(prompt.versions):
            place = f"{path}.versions[{index}]"
            if not 0 < version.number <= MAX_INT4:
                raise FileError(name, line_of(text, f"{place}.number"), "a number counts from 1")
            if version.number in numbers:
                line = line_of(text, f"{place}.number")
                raise FileError(name, line, f"v{version.number} is there twice")
            numbers.add(version.number)
            check_variables(name, text, f"{place}.variables", version.variables)


def check_variables(name: str, text: str, path: str, variables: list[VariableFile]) -> None:
    for index, variable in enumerate(variables):
        if not re.fullmatch(r"\w{1,128}", variable.name):
            line = line_of(text, f"{path}[{index}].name")
            raise FileError(name, line, f"{variable.name[:100]!r} is no name of a variable")
        if variable.type not in VARIABLE_TYPES:
            line = line_of(text, f"{path}[{index}].type")
            raise FileError(name, line, f"a type is one of {', '.join(VARIABLE_TYPES)}")


def line_of(text: str, path: str) -> int:
    """The line of a value, by its path like ``.prompts[0].key``; where it would be, if missing."""
    decoder, at = json.JSONDecoder(), _skip(text, 0)
    for step in _STEP.finditer(path):
        inside = _find_member(decoder, text, at, step[1], step[2])
        if inside is None:
            break
        at = inside
    return text.count("\n", 0, at) + 1


def _find_member(
    decoder: json.JSONDecoder, text: str, at: int, key: str | None, index: str | None
) -> int | None:
    """Where a member of the object or array at ``at`` begins."""
    opening, count = text[at : at + 1], 0
    if opening not in ("{", "["):
        return None
    at = _skip(text, at + 1)
    while text[at : at + 1] not in ("}", "]", ""):
        if opening == "{":
            said, at = decoder.raw_decode(text, at)
            at = _skip(text, _skip(text, at) + 1)
            is_it = said == key
        else:
            is_it = index == str(count)
        if is_it:
            return at
        _, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        at = _skip(text, at + 1) if text[at : at + 1] == "," else at
        count += 1
    return None


def _skip(text: str, at: int) -> int:
    while text[at : at + 1] in (" ", "\t", "\r", "\n"):
        at += 1
    return at


def _no_pair_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:100]!r} is there twice")
    return found


def _find_unstorable(value: Any, place: str = "") -> str:  # Any: JSON
    """Where a text stands that PostgreSQL cannot hold; "" for nowhere."""
    if isinstance(value, str):
        return (place[1:] or "a text") if _UNSTORABLE.search(value) else ""
    if isinstance(value, dict):
        members = [(f"{place}.{name}", each) for name, each in value.items()]
    elif isinstance(value, list):
        members = [(f"{place}[{index}]", each) for index, each in enumerate(value)]
    else:
        return ""
    return next(filter(None, (_find_unstorable(each, path) for path, each in members)), "")

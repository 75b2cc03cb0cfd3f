"""Prompts as a folder for git: each prompt a folder of its key, each text a file of its own.

    support-answer/prompt.json    all but the texts, of the current version
    support-answer/system.md      the texts to the byte: no front matter, no newline added
    support-answer/user.md
    support-answer/message-01-user.md

Without Django.
"""

import re
from pathlib import Path

from core.database.types import MAX_INT4
from prompts.files import (
    FileError,
    LabelFile,
    MessageFile,
    PromptFile,
    Strict,
    VariableFile,
    VersionFile,
    check_variables,
    line_of,
    read_json,
    write_json,
)

HEAD = "prompt.json"
SYSTEM, USER = "system.md", "user.md"
MAX_FILE = 4 * 1024 * 1024
_OWN = re.compile(r"system\.md|user\.md|message-\d+-[a-z]+\.md")
_KEY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,126}[A-Za-z0-9])?")


_NOTHING = VersionFile(number=0)


class Head(Strict, frozen=True):
    """``prompt.json``. ``version``: the number the texts were when they were exported, 0 for a
    prompt that is in no project yet. ``messages`` names a file for each."""

    name: str = ""
    description: str = ""
    tags: list[str] = []
    version: int = 0
    published: bool = False
    labels: list[str] = []
    recommended_config: str = ""
    variables: list[VariableFile] = []
    messages: list[str] | None = None
    note: str = ""


def write_folder(folder: Path, prompts: list[PromptFile]) -> int:
    """Write what differs, remove texts a prompt has no more; return how many files changed.

    Raises FileError for keys that are one folder where case does not tell (macOS, Windows).
    """
    names = [prompt.key.casefold() for prompt in prompts]
    for prompt in prompts:
        if names.count(prompt.key.casefold()) > 1:
            raise FileError(prompt.key, 0, "another key differs by case alone: export to .json")
    return sum(_write_prompt(folder / prompt.key, prompt) for prompt in prompts)


def read_folder(folder: Path) -> list[PromptFile]:
    """All prompts below the folder, by key. Raises FileError."""
    found = sorted(path for path in folder.iterdir() if (path / HEAD).is_file())
    if not found:
        raise FileError(str(folder), 0, f"no folder in it holds a {HEAD}")
    return [_read_prompt(path) for path in found]


def _write_prompt(folder: Path, prompt: PromptFile) -> int:
    version = prompt.versions[0] if prompt.versions else None
    files = _texts_of(version) if version else {}
    messages = [name for name in files if name.startswith("message-")]
    head = Head(
        name=prompt.name,
        description=prompt.description,
        tags=prompt.tags,
        version=version.number if version else 0,
        published=version.published if version else False,
        labels=[label.name for label in prompt.labels],
        recommended_config=version.recommended_config if version else "",
        variables=version.variables if version else [],
        messages=messages if version and version.messages is not None else None,
        note=version.note if version else "",
    )
    folder.mkdir(parents=True, exist_ok=True)
    files[HEAD] = write_json(head)
    gone = [
        path for path in folder.iterdir() if _OWN.fullmatch(path.name) and path.name not in files
    ]
    for path in gone:
        path.unlink()
    return len(gone) + sum(_write(folder / name, text) for name, text in files.items())


def _texts_of(version: VersionFile) -> dict[str, str]:
    files = {SYSTEM: version.system, USER: version.user_template}
    files = {name: text for name, text in files.items() if text}
    for number, message in enumerate(version.messages or (), 1):
        files[f"message-{number:02}-{message.role}.md"] = message.content
    return files


def _write(path: Path, text: str) -> int:
    content = text.encode()
    if path.is_file() and path.read_bytes() == content:
        return 0
    path.write_bytes(content)
    return 1


def _read_prompt(folder: Path) -> PromptFile:
    name = str(folder / HEAD)
    if not _KEY.fullmatch(folder.name):
        raise FileError(str(folder), 0, "a folder's name is the prompt's key: no such key")
    text = _read(folder / HEAD)
    head = read_json(name, text, Head)
    if not 0 <= head.version <= MAX_INT4:
        raise FileError(name, line_of(text, ".version"), "a version counts from 1; 0: none yet")
    check_variables(name, text, ".variables", head.variables)
    version = VersionFile(
        number=head.version,
        system=_read(folder / SYSTEM) if (folder / SYSTEM).exists() else "",
        user_template=_read(folder / USER) if (folder / USER).exists() else "",
        messages=_read_messages(folder, text, head),
        variables=head.variables,
        recommended_config=head.recommended_config,
        note=head.note,
        published=head.published,
        parent=head.version,
    )
    return PromptFile(
        key=folder.name,
        name=head.name,
        description=head.description,
        tags=head.tags,
        labels=[LabelFile(label, head.version) for label in head.labels],
        versions=[version] if version != _NOTHING else [],
    )


def _read_messages(folder: Path, text: str, head: Head) -> list[MessageFile] | None:
    if head.messages is None:
        return None
    messages = []
    for index, name in enumerate(head.messages):
        shape = re.fullmatch(r"message-\d+-([a-z]+)\.md", name)
        line = line_of(text, f".messages[{index}]")
        if shape is None:
            raise FileError(str(folder / HEAD), line, "a message's file is message-<n>-<role>.md")
        if not (folder / name).is_file():
            raise FileError(str(folder / HEAD), line, f"there is no file {name}")
        messages.append(MessageFile(shape[1], _read(folder / name)))
    return messages


def _read(path: Path) -> str:
    if path.is_symlink():  # a repository of others would have files of this machine imported
        raise FileError(str(path), 0, "a symbolic link is not followed")
    if path.stat().st_size > MAX_FILE:
        raise FileError(str(path), 0, f"more than {MAX_FILE:,} bytes")
    content = path.read_bytes()
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(str(path), line, "no UTF-8") from error
    if "\0" in text:
        raise FileError(str(path), text[: text.index("\0")].count("\n") + 1, "a NUL character")
    return text

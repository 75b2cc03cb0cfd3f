"""What is pasted to send the first data, by client: texts with address and key filled in. Pure.

The texts are in snippets.toml. What is put in must need no quoting in any of their languages.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import msgspec

PUBLISHABLE = "publishable"
SECRET = "secret"
PLACEHOLDERS = {SECRET: "YOUR_API_KEY", PUBLISHABLE: "YOUR_PUBLISHABLE_KEY"}
CALL = timedelta(milliseconds=840)  # how long the call took that examples tell of

_find_slots = re.compile(r"@(url|key|id|start|end)@")
_is_plain = re.compile(r"[A-Za-z0-9_.:/\[\]+-]+").fullmatch


@dataclass(frozen=True, slots=True)
class Snippet:
    """One tab. ``kind`` of key: secret or publishable; ``page``: the URL name of where to look."""

    key: str
    label: str
    intro: str
    file: str  # where the text goes: a file or a shell
    text: str
    page: str
    look: str
    install: str = ""
    env: str = ""  # settings that do the same without code
    note: str = ""
    kind: str = SECRET
    scopes: tuple[str, ...] = ("ingest",)

    @property
    def is_publishable(self) -> bool:
        return self.kind == PUBLISHABLE

    @property
    def placeholder(self) -> str:
        return PLACEHOLDERS[self.kind]


@cache
def list_snippets() -> tuple[Snippet, ...]:
    """Return all of them in the order of the tabs."""
    text = (files("tracking") / "snippets.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["snippet"], tuple[Snippet, ...])


def find_snippet(key: str) -> Snippet:
    """Return the snippet of a key, the first one for any other."""
    return next((each for each in list_snippets() if each.key == key), list_snippets()[0])


def slots_of(*, url: str, key: str, unique: str, now: datetime) -> dict[str, str]:
    """What is filled in. ``unique``: sets the ids of this text apart from those of others.

    Raises ValueError for an address or key that a shell or a program would take for something else.
    """
    for text in (url, key, unique):
        if not _is_plain(text):
            raise ValueError(f"{text[:80]!r} cannot stand in a snippet")
    end = now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    start = (now - CALL).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"url": url, "key": key, "id": unique, "start": start, "end": end}


def fill_in(text: str, slots: Mapping[str, str]) -> str:
    return _find_slots.sub(lambda found: slots[found[1]], text.strip("\n"))

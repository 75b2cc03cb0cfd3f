"""What a project masks, as it is kept in ``Project.masking`` and compiled by each digest. Pure.

``{"patterns": ["secret", …], "own": [{"name": …, "pattern": …}]}``; an empty object: secrets alone.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import re2

from tracking.mask_patterns import EMAIL, FINDERS, SECRET, Spans
from tracking.masking import Masker, Pattern

MAX_OWN = 20
MAX_PATTERN = 300
MAX_MEMORY = 4 << 20  # bytes of the automaton of one pattern
DEFAULT = (SECRET,)
_ANCHOR = re.compile(r"[\^$]|\\[AzB]")
NAME_PATTERN = re.compile(r"[a-z][a-z0-9_-]{0,29}\Z")


class PatternError(ValueError):
    """A pattern that is refused, and why, for the person who wrote it."""


class OwnPattern(msgspec.Struct, frozen=True):
    name: str
    pattern: str


class MaskSettings(msgspec.Struct, frozen=True):
    patterns: tuple[str, ...] = DEFAULT
    own: tuple[OwnPattern, ...] = ()


def read_settings(stored: Mapping[str, Any]) -> MaskSettings:  # Any: JSON
    return msgspec.convert(stored, MaskSettings, strict=False) if stored else MaskSettings()


def write_settings(settings: MaskSettings) -> dict[str, Any]:  # Any: JSON
    built: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(settings))
    return built


def check_settings(patterns: Sequence[str], own: Sequence[tuple[str, str]]) -> MaskSettings:
    """What was chosen, if it can be used; raises PatternError."""
    if unknown := sorted(set(patterns) - FINDERS.keys()):
        raise PatternError(f"There is no pattern {unknown[0]!r}.")
    if len(own) > MAX_OWN:
        raise PatternError(f"At most {MAX_OWN} patterns of your own are kept.")
    names = [name for name, _ in own]
    for name, pattern in own:
        if not NAME_PATTERN.match(name):
            raise PatternError(f"{name[:40]!r}: a name is a–z, 0–9, _ and -, and begins with a–z.")
        if name in FINDERS or names.count(name) > 1:
            raise PatternError(f"{name!r} is the name of another pattern.")
        compile_own(name, pattern)
    chosen = tuple(name for name in FINDERS if name in patterns)
    return MaskSettings(chosen, tuple(OwnPattern(*pair) for pair in own))


def _compile(name: str, pattern: str) -> tuple[Any, Any]:  # Any: re2 has no types
    """The pattern over texts, and over UTF-8 bytes."""
    if not pattern or len(pattern) > MAX_PATTERN:
        raise PatternError(f"{name}: a pattern has 1 to {MAX_PATTERN} characters.")
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
        of_bytes = re2.compile(pattern.encode(), options)
    except (re2.error, UnicodeError) as error:
        raise PatternError(f"{name}: {_told(error)}") from error
    if compiled.search("") is not None:
        raise PatternError(f"{name}: the pattern matches the empty text.")
    return compiled, of_bytes


@lru_cache(256)
def compile_own(name: str, pattern: str) -> Pattern:
    """A pattern of RE2's syntax, which matches in time linear in the text whatever it says."""
    compiled, of_bytes = _compile(name, pattern)

    def find(text: str) -> Spans:
        for match in compiled.finditer(text):
            if match.end() > match.start():
                yield match.span()

    def may_match(text: str) -> bool:
        # Within JSON a string may be written otherwise than it reads, and has its own ends.
        if text[:1] in ("{", "[") and (has_anchor or "\\" in text):
            return True
        return of_bytes.search(text.encode("utf-8", "replace")) is not None

    has_anchor = _ANCHOR.search(pattern) is not None
    return Pattern(find, may_match)


def _told(error: Exception) -> str:
    text = error.args[0] if error.args else "this is no pattern"
    text = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return f"{text[:200]}."


def masker_of(settings: MaskSettings) -> Masker | None:
    """What masks by these settings; None when nothing is to be masked."""
    if not settings.patterns and not settings.own:
        return None
    return _masker_of(settings)


@lru_cache(256)
def _masker_of(settings: MaskSettings) -> Masker:
    own = {each.name: compile_own(each.name, each.pattern) for each in settings.own}
    return Masker(settings.patterns, own)


LABELS = {
    SECRET: "API keys and secrets",
    EMAIL: "E-mail addresses",
    "card": "Card numbers",
}

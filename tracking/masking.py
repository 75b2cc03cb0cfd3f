"""Texts of events with secrets and personal data replaced by marks: ``[email]``. Pure.

A text that is JSON stays JSON: where something is found in it, its strings are masked one by one.
"""

import itertools
import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from tracking.events import IncomingEvent, Part, Payload
from tracking.mask_patterns import FINDERS, SECRET, Spans, is_secret_name, may_hold

MASKED = "masked"
"""The warning of a span in which something was masked; how often is in its payload's extra."""

DEPTH = 40
JSON_IN_JSON = 3

Found = Counter[str]
"""How many matches were masked, by the name of the pattern."""

Json = Any
"""JSON of any shape."""

_is_id_name = re.compile(r"(?:^|_|\.)(?:ids?|hash|key)$|(?:Id|Ids|Hash|Key)$").search
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Pattern:
    """``may_match`` is quick, and False only for a text that holds no match, JSON or not."""

    find: Callable[[str], Spans]
    may_match: Callable[[str], object] = lambda text: True


class Walker:
    """Masks the matches of some patterns wherever there are texts."""

    def __init__(self, patterns: Mapping[str, Pattern]) -> None:
        self.patterns = patterns
        self.hides_secrets = SECRET in patterns
        # Own patterns leave names of fields: what they mean is read from those.
        self._of_names = [(name, patterns[name]) for name in FINDERS if name in patterns]

    def mask_text(self, text: str, found: Found, *, json_depth: int = 0) -> str:
        if not any(pattern.may_match(text) for pattern in self.patterns.values()):
            return text
        if text[:1] in ("{", "[") and json_depth < JSON_IN_JSON:
            try:
                value = _decode(text)
            except (msgspec.DecodeError, RecursionError, UnicodeError):
                return self._mask_plain(text, found)
            before = found.total()
            masked = self.mask_value(value, found, json_depth=json_depth + 1)
            return _encode(masked).decode() if found.total() > before else text
        return self._mask_plain(text, found)

    def _mask_plain(self, text: str, found: Found) -> str:
        for name, pattern in self.patterns.items():
            pieces: list[str] = []
            done = 0
            for start, end in pattern.find(text):
                pieces += (text[done:start], f"[{name}]")
                done = end
                found[name] += 1
            if pieces:
                text = "".join(pieces) + text[done:]
        return text

    def mask_value(
        self,
        value: Json,
        found: Found,
        *,
        json_depth: int = 0,
        depth: int = 0,
        spare_ids: bool = False,
    ) -> Json:
        """Mask all strings of a JSON value. ``spare_ids``: values that are ids stay, because things
        are put together by them."""
        if isinstance(value, str):
            return self.mask_text(value, found, json_depth=json_depth)
        if depth >= DEPTH or not isinstance(value, dict | list | tuple):
            return value
        deeper: dict[str, Any] = {
            "json_depth": json_depth,
            "depth": depth + 1,
            "spare_ids": spare_ids,
        }
        if isinstance(value, dict):
            masked: dict[str, Any] = {}
            for name, item in value.items():
                kept = item
                if not (spare_ids and _is_id_name(name)):
                    kept = self._mask_field(name, item, found, **deeper)
                masked[self._mask_name(name, masked, found)] = kept
            return masked
        return [self.mask_value(item, found, **deeper) for item in value]

    def _mask_name(self, name: str, others: Collection[str], found: Found) -> str:
        """A field that is called by an address, or by a key: ``[email]``, ``[email] 2``."""
        if not any(next(pattern.find(name), None) for _, pattern in self._of_names):
            return name
        masked = first = self._mask_plain(name, found)
        for n in itertools.count(2):
            if masked not in others:
                break
            masked = f"{first} {n}"
        return masked

    def _mask_field(self, name: str, item: Json, found: Found, **deeper: Any) -> Json:
        if self.hides_secrets and isinstance(item, str) and item and is_secret_name(name):
            found[SECRET] += 1
            return f"[{SECRET}]"
        return self.mask_value(item, found, **deeper)

    def mask_event(self, event: IncomingEvent) -> IncomingEvent:
        """Mask what was said: name, tags, payload, error and metadata. Ids stay."""
        found: Found = Counter()
        payload = self._mask_payload(event.payload, found)
        error = self.mask_text(event.error, found) if event.error else ""
        metadata = self.mask_text(event.metadata, found) if event.metadata else ""
        name = self.mask_text(event.name, found)
        tags = tuple(self.mask_text(tag, found) for tag in event.tags)
        if not found:
            return event
        extra = {**(payload.extra or {}), MASKED: dict(found)}
        return msgspec.structs.replace(
            event,
            name=name,
            tags=tags,
            error=error,
            metadata=metadata,
            warnings=(*event.warnings, MASKED),
            payload=msgspec.structs.replace(payload, extra=extra),
        )

    def _mask_payload(self, payload: Payload, found: Found) -> Payload:
        def text(said: str | None) -> str | None:
            return self.mask_text(said, found) if said else said

        def rest(value: Json) -> Json:
            return self.mask_value(value, found) if value else value

        masked = Payload(
            text(payload.input),
            text(payload.output),
            text(payload.system),
            rest(payload.attributes),
            rest(payload.span_events),
            rest(payload.links),
            rest(payload.extra),
        )
        return masked if found else payload


class Masker:
    """What masks the texts of one project: built-in patterns by name, then patterns of its own."""

    def __init__(self, names: Collection[str], own: Mapping[str, Pattern]) -> None:
        built_in = {name: Pattern(find) for name, find in FINDERS.items() if name in names}
        self._may_hold = may_hold(frozenset(built_in)) if built_in else None
        self._all = Walker({**built_in, **own})
        self._own = Walker(own) if own else None

    def _walker(self, *encoded: bytes) -> Walker | None:
        """Who is to go through this: nobody where nothing can be found."""
        if self._may_hold is not None and any(map(self._may_hold, encoded)):
            return self._all
        return self._own

    def finds_nothing(self, body: bytes) -> bool:
        """Whether nothing in a request can be masked that holds its texts as they are, as protobuf
        does: one look at the whole instead of one at each span."""
        return self._own is None and self._may_hold is not None and not self._may_hold(body)

    def mask_text(self, text: str) -> tuple[str, Found]:
        found: Found = Counter()
        return self._all.mask_text(text, found), found

    def mask_event(self, event: IncomingEvent) -> IncomingEvent:
        said = "\n".join((event.name, event.error, event.metadata, *event.tags))
        walker = self._walker(_encode(event.payload), said.encode("utf-8", "surrogatepass"))
        return walker.mask_event(event) if walker else event

    def mask_part(self, part: Part) -> Part:
        """Mask a piece of a document. Its ids stay."""
        body = self.mask_body(part.body)
        return part if body is part.body else msgspec.structs.replace(part, body=body)

    def mask_body(self, body: bytes) -> bytes:
        """Mask JSON; what is none, or holds nothing to mask, is given back as it is."""
        walker = self._walker(body)
        if walker is None:
            return body
        try:
            value = _decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return body
        found: Found = Counter()
        masked = walker.mask_value(value, found, spare_ids=True)
        return _encode(masked) if found else body

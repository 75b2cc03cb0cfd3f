"""Texts of events with secrets and personal data replaced by marks: ``[email]``. Pure.

A text that is JSON stays JSON: where something is found in it, its strings are masked one by one.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from tracking.events import IncomingEvent, Part, Payload
from tracking.mask_patterns import FINDERS, SECRET, Spans, is_secret_name, may_name_secret

MASKED = "masked"
"""The warning of a span in which something was masked; how often is in its payload's extra."""

DEPTH = 40
JSON_IN_JSON = 3

Found = Counter[str]
"""How many matches were masked, by the name of the pattern."""

Finder = Callable[[str], Spans]

_is_id_name = re.compile(r"(?:^|_|\.)(?:ids?|hash|key)$|(?:Id|Ids|Hash|Key)$").search
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


class Masker:
    """The patterns of one project. ``finders``: what finds the matches of each, by its name."""

    def __init__(self, finders: dict[str, Finder]) -> None:
        self.finders = finders
        self.hides_secrets = SECRET in finders
        self._is_quick = finders.keys() <= FINDERS.keys()

    def mask_text(self, text: str, found: Found, *, json_depth: int = 0) -> str:
        """Mask a text, in which JSON stays JSON."""
        if self._is_quick and not self._matches(text):
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

    def _matches(self, text: str) -> bool:
        if self.hides_secrets and text[:1] in ("{", "[") and may_name_secret(text):
            return True
        return any(next(find(text), None) is not None for find in self.finders.values())

    def _mask_plain(self, text: str, found: Found) -> str:
        for name, find in self.finders.items():
            pieces: list[str] = []
            done = 0
            for start, end in find(text):
                pieces += (text[done:start], f"[{name}]")
                done = end
                found[name] += 1
            if pieces:
                text = "".join(pieces) + text[done:]
        return text

    def mask_value(
        self,
        value: Any,  # JSON of any shape
        found: Found,
        *,
        json_depth: int = 0,
        depth: int = 0,
        spare_ids: bool = False,
    ) -> Any:
        """Mask all strings of a JSON value. Names stay; ``spare_ids``: so do values that are ids,
        because things are put together by them."""
        if isinstance(value, str):
            return self.mask_text(value, found, json_depth=json_depth)
        if depth >= DEPTH:
            return value
        if isinstance(value, dict):
            return {
                name: item
                if spare_ids and _is_id_name(name)
                else self._mask_field(
                    name, item, found, json_depth=json_depth, depth=depth, spare_ids=spare_ids
                )
                for name, item in value.items()
            }
        if isinstance(value, list | tuple):
            return [
                self.mask_value(
                    item, found, json_depth=json_depth, depth=depth + 1, spare_ids=spare_ids
                )
                for item in value
            ]
        return value

    def _mask_field(
        self, name: str, item: Any, found: Found, *, depth: int, **options: Any
    ) -> Any:  # JSON of any shape, here and above
        if self.hides_secrets and isinstance(item, str) and item and is_secret_name(name):
            found[SECRET] += 1
            return f"[{SECRET}]"
        return self.mask_value(item, found, depth=depth + 1, **options)

    def mask_event(self, event: IncomingEvent) -> IncomingEvent:
        """Mask what was said: payload, error and metadata. Ids and names stay."""
        found: Found = Counter()
        payload = self._mask_payload(event.payload, found)
        error = self.mask_text(event.error, found) if event.error else ""
        metadata = self.mask_text(event.metadata, found) if event.metadata else ""
        if not found:
            return event
        extra = {**(payload.extra or {}), MASKED: dict(found)}
        return msgspec.structs.replace(
            event,
            error=error,
            metadata=metadata,
            warnings=(*event.warnings, MASKED),
            payload=msgspec.structs.replace(payload, extra=extra),
        )

    def _mask_payload(self, payload: Payload, found: Found) -> Payload:
        def text(said: str | None) -> str | None:
            return self.mask_text(said, found) if said else said

        def rest(value: Any) -> Any:  # attributes and the like: JSON
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

    def mask_part(self, part: Part) -> Part:
        """Mask a piece of a document. Its ids stay."""
        found: Found = Counter()
        masked = self.mask_value(_decode(part.body), found, spare_ids=True)
        return msgspec.structs.replace(part, body=_encode(masked)) if found else part

    def mask_body(self, body: bytes) -> bytes:
        """Mask JSON of any other origin; what is no JSON is given back as it is."""
        try:
            value = _decode(body)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            return body
        found: Found = Counter()
        masked = self.mask_value(value, found, spare_ids=True)
        return _encode(masked) if found else body


def finders_of(names: Iterable[str], own: dict[str, Finder]) -> dict[str, Finder]:
    """The chosen built-in patterns, in their order, then the project's own."""
    chosen = set(names)
    return {**{name: find for name, find in FINDERS.items() if name in chosen}, **own}

"""Attribute values that JSON cannot say, said in JSON. Pure.

Payloads are JSON: bytes and the doubles NaN, Infinity and -Infinity are sealed as an object of one
``$`` key. A long text that a column holds too is a seal as well, which rebuilding opens. An object
that was sent looking like any of these is sealed itself, so unsealing is exact.
"""

import base64
import math

BYTES, DOUBLE, OBJECT, COLUMN = "$bytes", "$double", "$object", "$column"
_SEALS = frozenset({BYTES, DOUBLE, OBJECT, COLUMN})

HELD_TEXT: dict[str, object] = {COLUMN: "text"}
HELD_JSON: dict[str, object] = {COLUMN: "json"}
"""Stand for a value that the key's column holds: as it is, or as the JSON text of it."""


def seal(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else {DOUBLE: str(value)}
    if isinstance(value, bytes):
        return {BYTES: base64.b64encode(value).decode()}
    if isinstance(value, list | tuple):
        return [seal(item) for item in value]
    if isinstance(value, dict):
        return seal_object({str(key): seal(item) for key, item in value.items()})
    return value


def seal_object(sealed: dict[str, object]) -> dict[str, object]:
    """Seal an object whose values are sealed already."""
    return {OBJECT: sealed} if len(sealed) == 1 and not _SEALS.isdisjoint(sealed) else sealed


def unseal(value: object) -> object:
    if isinstance(value, list):
        return [unseal(item) for item in value]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        ((key, inner),) = value.items()
        if key == BYTES and isinstance(inner, str):
            return base64.b64decode(inner)
        if key == DOUBLE and isinstance(inner, str):
            return float(inner)
        if key == OBJECT and isinstance(inner, dict):
            return {name: unseal(item) for name, item in inner.items()}
    return {key: unseal(item) for key, item in value.items()}

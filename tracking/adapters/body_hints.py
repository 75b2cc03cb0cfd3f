"""Why a body cannot be read at all, in the words of whoever sent it. Pure.

Hints begin with ``; `` or ``: `` and stand behind what a parser said; "" when nothing is known.
"""

import re

_GZIP = b"\x1f\x8b"
_PYTHON = re.compile(r"(None|True|False)\b")
_TRAILING_COMMA = re.compile(r",\s*\Z")

GZIP_HINT = "the body is gzip: say so by Content-Encoding: gzip"
JSON_HINT = "the body is JSON: say so by Content-Type: application/json"
PROTOBUF_HINT = "is it protobuf? Then say Content-Type: application/x-protobuf"


def hint_at_syntax(text: str, place: int) -> str:
    """What breaks JSON at a place, where that is a usual mistake."""
    if text[:1] == "\x1f":  # what came behind it was no UTF-8
        return f"; {GZIP_HINT}"
    rest = text[place:]
    if rest[:1] == "'":
        return "; texts and names stand in double quotes"
    if _PYTHON.match(rest):
        return "; JSON says null, true and false"
    if rest[:1] in ("]", "}") and _TRAILING_COMMA.search(text[:place]):
        return "; a comma stands before the end"
    return ""


def hint_at_protobuf(body: bytes) -> str:
    """What a body is that was said to be protobuf, and is not."""
    if body.startswith(_GZIP):
        return f"; {GZIP_HINT}"
    return f"; {JSON_HINT}" if body.lstrip()[:1] in (b"{", b"[") else ""


def hint_at_json(body: bytes) -> str:
    """What a body is that was said to be JSON, and begins otherwise."""
    if body.startswith(_GZIP):
        return f"; {GZIP_HINT}"
    return "" if body.lstrip()[:1] in (b"{", b"[") else f"; {PROTOBUF_HINT}"

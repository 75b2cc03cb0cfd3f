"""Halves of characters kept through encoders that refuse them. Pure.

JavaScript cuts texts anywhere, and writes half of a character as ``\\ud83d``; neither msgspec nor
PostgreSQL takes one. So a half is stored as a character at the end of the last private plane;
characters that somebody really sent from there are stored behind a mark.
"""

import re

_MARK, _FIRST, _HALF = "\U0010f7ff", 0x10F800, 0xD800
_LEAD = b"\xf4\x8f"  # what the mark and all that is hidden begin with in UTF-8

_hide = re.compile("[\ud800-\udfff\U0010f7ff-\U0010ffff]").sub
_reveal = re.compile("\U0010f7ff(.)|([\U0010f800-\U0010ffff])", re.DOTALL).sub


def may_need_hiding(body: bytes) -> bool:
    """Whether a body that a strict decoder takes may hold what is put behind a mark."""
    return _LEAD in body or b"\\udb" in body.lower()


def hide_halves(text: str) -> str:
    return text if text.isascii() else _hide(_hidden, text)


def _hidden(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(code - _HALF + _FIRST) if code < _MARK_CODE else _MARK + match[0]


def show_halves(json: bytes) -> bytes:
    """Stored JSON as it is read: a half of a character is the replacement character."""
    if _LEAD not in json:
        return json
    return _reveal(lambda match: match[1] or "\ufffd", json.decode()).encode()


def restore_halves(text: str) -> str:
    return text if text.isascii() else _reveal(_restored, text)


def write_halves(json: str) -> bytes:
    """JSON text with halves as JavaScript writes them."""
    if json.isascii():
        return json.encode()
    return _reveal(lambda match: match[1] or rf"\u{_code(match[2]):04x}", json).encode()


def _restored(match: re.Match[str]) -> str:
    return match[1] or chr(_code(match[2]))


def _code(hidden: str) -> int:
    return ord(hidden) - _FIRST + _HALF


_MARK_CODE = ord(_MARK)

"""Text made fit for a PostgreSQL text column and its indexes. Pure.

Only columns are cleaned; payloads keep what was sent. A caller that stores the cleaned text and
finds it differs from the sent one keeps the sent one in the payload's attributes.
"""

import re
from hashlib import blake2b

MAX_NAME_BYTES = 512  # a b-tree entry above 2,704 bytes is an error; keys hold several names
MAX_ERROR_CHARS = 500

_MARK = "…#"
_HASH_BYTES = 8
_PREFIX_BYTES = MAX_NAME_BYTES - len(_MARK.encode()) - 2 * _HASH_BYTES

_has_poison = re.compile("[\x00\ud800-\udfff]").search
_replace_poison = re.compile("[\x00\ud800-\udfff]").sub


def clean_text(text: str) -> str:
    """Replace NUL and lone surrogates, which PostgreSQL refuses."""
    return _replace_poison("\ufffd", text) if _has_poison(text) else text


def clean_name(text: str) -> str:
    """Make an id or a name fit for a key: clean, at most 512 bytes, else ``prefix…#hash``."""
    text = clean_text(text)
    if len(text) <= MAX_NAME_BYTES // 4:
        return text
    encoded = text.encode()
    if len(encoded) <= MAX_NAME_BYTES:
        return text
    digest = blake2b(encoded, digest_size=_HASH_BYTES).hexdigest()
    return encoded[:_PREFIX_BYTES].decode(errors="ignore") + _MARK + digest


def clean_error(text: str) -> str:
    """Make an error message fit for its column; the whole message belongs in the payload."""
    return clean_text(text[:MAX_ERROR_CHARS])

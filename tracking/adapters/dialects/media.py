"""Images, sounds and files within messages, in words: what it is, of which type and size. Pure.

None of it is shown or fetched. Shapes are those of OpenAI (chat, Responses), Google's parts, the AI
SDK and OTel GenAI; those that hold a ``source`` (Anthropic, ai.matey) are read with messages.
"""

import re
from typing import Any

_FIELDS = ("input_audio", "file", "inlineData", "inline_data", "fileData", "file_data")
_KINDS = frozenset({"input_audio", "input_file", "file", "blob", "uri", "media"})
_TYPE_KEYS = ("mediaType", "mimeType", "mime_type", "media_type", "format")
_ADDRESS_KEYS = ("file_url", "fileUri", "file_uri", "uri", "url", "file_id")
_DATA_KEYS = ("data", "image", "content", "file_data")
_NAME_KEYS = ("filename", "file_name", "displayName")
_find_data_url = re.compile(r"data:([\w.+-]+/[\w.+-]+)?[^,]{0,200},").match
_is_address = re.compile(r"[a-z][a-z0-9+.-]{1,20}://", re.IGNORECASE).match


def medium_of(sent: dict[str, Any]) -> tuple[str, str] | None:
    """What kind of medium a part of a message is, and what is known of it; None of another."""
    kind = sent["type"] if isinstance(sent.get("type"), str) else None
    held = next((sent[key] for key in _FIELDS if isinstance(sent.get(key), dict)), None)
    is_vercels = kind == "image" and "image" in sent
    if kind not in _KINDS and not is_vercels and (held is None or kind is not None):
        return None
    said = {**sent, **held} if held is not None else sent
    media_type = _first(said, _TYPE_KEYS)
    name = _kind_of(kind, media_type, said.get("modality"))
    return name, describe(said, media_type, f"{name}:" if name != "image" else "")


def describe(said: dict[str, Any], media_type: str, word: str = "") -> str:
    """A name, an address or a type and size, whatever is told."""
    address = _first(said, _ADDRESS_KEYS)
    data = next((said[key] for key in _DATA_KEYS if said.get(key)), None)
    if isinstance(data, str) and (_is_address(data) or data.startswith("[")):
        address, data = data, None  # in brackets: what stands for it, as "[base64 image omitted]"
    if address and not word:
        return address  # alone: it can be opened by a click
    size = size_of(data)
    facts = [_first(said, _NAME_KEYS), address, media_type or type_of(data)]
    facts += [f"{size:,} bytes"] if size else []
    return " ".join(each for each in (word, ", ".join(fact for fact in facts if fact)) if each)


def type_of(data: object) -> str:
    """The media type that a data URL names."""
    found = _find_data_url(data) if isinstance(data, str) else None
    return (found[1] or "") if found else ""


def size_of(data: object) -> int:
    """The bytes of what was sent along: base64, a data URL, or bytes as JavaScript writes them."""
    if isinstance(data, dict):  # a Buffer, or a Uint8Array
        inner = data.get("data")
        return len(inner) if isinstance(inner, list) else len(data) if "0" in data else 0
    if not isinstance(data, str):
        return 0
    found = _find_data_url(data)
    return len(data[found.end() if found else 0 :].rstrip("=")) * 3 // 4


def _kind_of(kind: str | None, media_type: str, modality: object) -> str:
    if isinstance(modality, str) and modality:
        return modality
    if kind == "input_audio":
        return "audio"
    family = media_type.partition("/")[0]
    return (
        "image" if kind == "image" else family if family in ("image", "audio", "video") else "file"
    )


def _first(said: dict[str, Any], keys: tuple[str, ...]) -> str:
    return next((said[key] for key in keys if isinstance(said.get(key), str) and said[key]), "")

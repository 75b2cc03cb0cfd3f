"""OpenInference's flattened messages, where GenAI's messages say the very same. Pure.

A program with both instrumentations sends each prompt and answer twice. Where flattening the texts
of the columns gives the attributes that were sent, one bit of ``seen`` stands for all of them.
What ``read_texts`` gives is for ever: rebuilding relies on it.
"""

from typing import Any

import msgspec

from tracking.adapters.dialects.keys import INPUT_MESSAGES_BIT, OUTPUT_MESSAGES_BIT

INPUT, OUTPUT = "llm.input_messages", "llm.output_messages"
FIRST_INPUT, FIRST_OUTPUT = f"{INPUT}.0.message.role", f"{OUTPUT}.0.message.role"


MAX_MESSAGES = 64
_NAMES = {
    prefix: [
        (f"{prefix}.{index}.message.role", f"{prefix}.{index}.message.content")
        for index in range(MAX_MESSAGES)
    ]
    for prefix in (INPUT, OUTPUT)
}


class _Part(msgspec.Struct, gc=False):
    type: str
    content: str


class _Message(msgspec.Struct, gc=False):
    role: str
    parts: list[_Part]


_decode_parts = msgspec.json.Decoder(list[_Part]).decode
_decode_messages = msgspec.json.Decoder(list[_Message]).decode


def read_texts(text: object, system: object = None) -> list[tuple[str, str]]:
    """GenAI's messages of one text each, after its instructions, as (role, text); none at all when
    they are anything else."""
    if not isinstance(text, str):
        return []
    try:
        messages = _decode_messages(text)
        if isinstance(system, str):
            messages.insert(0, _Message("system", _decode_parts(system)))
    except (ValueError, RecursionError):
        return []
    said = [
        (message.role, message.parts[0].content)
        for message in messages
        if len(message.parts) == 1 and message.parts[0].type == "text"
    ]
    return said if len(said) == len(messages) <= MAX_MESSAGES else []


def fold_messages(leftover: dict[str, object], columns: dict[str, Any]) -> int:
    """Take away flattened messages that the columns give back, and return their bits."""
    seen = 0
    if FIRST_INPUT in leftover:
        said = read_texts(columns.get("input"), columns.get("system"))
        if said and _take(leftover, _NAMES[INPUT], said):
            seen |= INPUT_MESSAGES_BIT
    if FIRST_OUTPUT in leftover:
        said = read_texts(columns.get("output"))
        if said and _take(leftover, _NAMES[OUTPUT], said):
            seen |= OUTPUT_MESSAGES_BIT
    return seen


def _take(
    leftover: dict[str, object], names: list[tuple[str, str]], said: list[tuple[str, str]]
) -> bool:
    get = leftover.get
    for (of_role, of_text), (role, text) in zip(names, said, strict=False):
        if get(of_role) != role or get(of_text) != text:
            return False
    for of_role, of_text in names[: len(said)]:
        del leftover[of_role], leftover[of_text]
    return True


def unfold_messages(seen: int, payload: Any) -> dict[str, str]:
    """What ``fold_messages`` took away from a span with these bits and texts."""
    flat: dict[str, str] = {}
    if seen & INPUT_MESSAGES_BIT:
        flat |= _flatten(INPUT, read_texts(payload.input, payload.system))
    if seen & OUTPUT_MESSAGES_BIT:
        flat |= _flatten(OUTPUT, read_texts(payload.output))
    return flat


def _flatten(prefix: str, said: list[tuple[str, str]]) -> dict[str, str]:
    pairs = zip(_NAMES[prefix], said, strict=False)
    return {name: text for names, texts in pairs for name, text in zip(names, texts, strict=True)}

"""The few words that a list shows of a span's content. Pure."""

from tracking.adapters.dialects.message_parts import Message
from tracking.adapters.dialects.messages import messages_of
from tracking.events import Payload

LENGTH = 300


def input_preview(payload: Payload) -> str:
    """What was asked: the last words of a user, else whatever came last but the system prompt."""
    messages = messages_of(payload, payload.attributes or {}, "input")
    asked = [message for message in messages if message.role in {"user", "human"}]
    return shorten(_last_text(asked or [m for m in messages if m.role != "system"]))


def output_preview(payload: Payload) -> str:
    """What was answered."""
    return shorten(_last_text(messages_of(payload, payload.attributes or {}, "output")))


def _last_text(messages: list[Message]) -> str:
    for message in reversed(messages):
        texts = [part.text for part in message.parts if part.type == "text" and part.text]
        if texts:
            return " ".join(texts)
    return ""


def shorten(text: str) -> str:
    """One line of at most LENGTH characters, without what a text column cannot hold."""
    line = " ".join(text[: LENGTH * 4].replace("\0", " ").split())
    line = line.encode("utf-8", "replace").decode()
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"
